"""What a learner wrote, as graders read it: lines of `name: value` or `name=value`, and what is under a heading."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from vlab.catalog import Exercise, exercise
from vlab.evidence import CannotTell, Evidence
from vlab.grading.check import Mismatch, expect

_HEADING = re.compile(r"#{1,6}\s+(.+?)\s*#*$")
if TYPE_CHECKING:  # it is read when a recommendation is: it takes a moment
    from vlab.rubric import Judged

_NUMBER = re.compile(r"[-+]?\d+(?:[.,' ]\d{3})*(?:[.,]\d+)?|[-+]?[.,]\d+")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:([.,' ])\d{3})(?:\1\d{3})*(?:[.,]\d+)?")
_SECONDS = {"ms": 0.001, "millisecond": 0.001, "milliseconds": 0.001, "min": 60.0, "minute": 60.0, "minutes": 60.0}
_BINARY = 0.02
"""Of a text's characters so many may be none, such as halves of some; more are something else than a text."""
_MOST = 5000
"""Lines in which values are looked for."""
_PAIR, _PROSE = 300, 20_000
"""Characters of a line that are looked at, for a name and what stands behind it, and as words."""


@dataclass(frozen=True)
class Note:
    """One file of answers/."""

    file: str
    text: str

    def value(self, name: str) -> str:
        """What stands behind `name:` in a line, a list's item or a row of a table, without Markdown's marks.

        Raises:
            Mismatch: no line has this name, or nothing stands behind it.
        """
        found = self._values.get(_plain(name), [])
        expect(found, f"a line `{name}: ...` in answers/{self.file}", "no such line")
        expect(found[-1], f"something behind `{name}:` in answers/{self.file}", "nothing")
        return found[-1]

    def number(self, name: str) -> float:
        """The first number behind `name:`, with a point or a comma for its decimals.

        Raises:
            Mismatch: there is none.
        """
        value = self.value(name)
        match = _NUMBER.search(value)
        if match is None:
            raise Mismatch(f"a number behind `{name}:` in answers/{self.file}", f"{value[:80]!r}")
        return _number(match[0].strip())

    def seconds(self, name: str) -> float:
        """The number behind `name:` in seconds; `ms` and `min` are understood.

        Raises:
            Mismatch: there is no number.
        """
        value = self.value(name)
        match = _NUMBER.search(value)
        unit = re.match(r"\s*([a-z]+)", value[match.end() :].lower()) if match else None
        return self.number(name) * _SECONDS.get(unit[1] if unit else "", 1.0)

    def section(self, heading: str) -> str:
        """The words under a heading that has this word in it, to the next heading.

        Raises:
            Mismatch: there is no such heading, or nothing stands under it.
        """
        there, within, words = False, False, list[str]()
        for line in self._lines:
            if title := _HEADING.match(line[:_PAIR]):
                if words:
                    break
                within = heading.lower() in title[1].lower()
                there = there or within
            elif within and line:
                words.append(line[:_PROSE])
        expect(there, f"a heading with {heading!r} in answers/{self.file}", "none")
        expect(words, f"something under {heading!r} in answers/{self.file}", "nothing")
        return " ".join(words)

    @property
    def prose(self) -> str:
        """All of it, without what a template says to whoever fills it in."""
        return _without_comments(self.text)

    @property
    def own_words(self) -> int:
        """How many words stand in it beside its headings."""
        return sum(len(line.split()) for line in self._lines if not _HEADING.match(line[:_PAIR]))

    def reasons(self, heading: str, wanted: Mapping[str, str], words: int = 10) -> None:
        """Look that each of some things is spoken of under a heading.

        Args:
            wanted: by what it is about, in words, a pattern of any of the words that it is told with.
            words: so many at least: a catchword is no explanation.

        Raises:
            Mismatch: nothing is written there, too little, or one of them is missing.
        """
        told = self.section(heading)
        many = len(told.split())
        expect(many >= words, f"a sentence or two under {heading!r} in answers/{self.file}", f"{many} words")
        for what, pattern in wanted.items():
            expect(re.search(pattern, told, re.IGNORECASE), f"under {heading!r}: {what}", f"{told[:200]!r}")

    @cached_property
    def _lines(self) -> list[str]:
        return [line.strip() for line in _without_comments(self.text).splitlines()]

    @cached_property
    def _values(self) -> dict[str, list[str]]:
        """What stands behind each name, in the order of the lines."""
        found: dict[str, list[str]] = {}
        for line in self._lines[:_MOST]:
            for name, value in _pair(line[:_PAIR]):
                found.setdefault(name, []).append(value)
        return found


RECOMMENDATION = "recommendation.md"
DIAGNOSIS = "diagnosis.md"


def recommendation(evidence: Evidence) -> "Judged":
    """What is to be said of the recommendation, criterion by criterion, against the run that it is about.

    Raises:
        Mismatch: there is none that can be read.
    """
    from vlab import rubric

    return rubric.check(*_read(evidence, RECOMMENDATION))


def diagnosis(evidence: Evidence) -> "Judged":
    """The same of the diagnosis.

    Raises:
        Mismatch: there is none that can be read.
    """
    from vlab import rubric

    return rubric.diagnose(*_read(evidence, DIAGNOSIS))


def _read(evidence: Evidence, file: str) -> tuple[str, Exercise, Evidence]:
    return Written(evidence).note(file).prose, exercise(evidence.header.scenario), evidence


def expect_criterion(judged: "Judged", name: str) -> None:
    """Raises: Mismatch if a criterion is not met; CannotTell if it is not sure, with what to write more clearly."""
    found = next(c for c in judged.criteria if c.id == name)
    span = " ".join(found.span.split())[:300]
    if found.verdict == "unsure":
        raise CannotTell(f"{found.help}{f' ({span!r})' if span else ''}")
    if found.verdict == "fail":
        raise Mismatch(found.help, f"{span!r}" if span else "nothing of the kind")


class Written:
    """All that a learner wrote for a grading."""

    def __init__(self, evidence: Evidence) -> None:
        self._answers = evidence.answers
        self._refused = evidence.header.refused

    def holds(self, file: str) -> bool:
        """Whether something was written into a file, or put there that is no text."""
        try:
            return self.note(file).own_words > 0
        except Mismatch:
            return bool(self._answers.get(file, "").strip()) or f"answers/{file}" in self._refused

    def note(self, file: str) -> Note:
        """One file.

        Raises:
            Mismatch: it is not there, was too large to be kept, or is no text.
        """
        where = f"answers/{file}"
        refused = self._refused.get(where)
        expect(refused is None, f"a text of at most 1 MiB in {where}", f"a file that {refused}")
        found = self._answers.get(file)
        expect(found is not None, f"a file {where}", "none", "`vlab start` puts a template there, and says where.")
        text = found or ""
        strange = sum(c == "\ufffd" or (ord(c) < 32 and c not in "\n\r\t\f") for c in text)
        expect(strange <= _BINARY * len(text), f"a text in {where}", "something that is no text")
        expect(text.strip(), f"something in {where}", "an empty file")
        return Note(file, text)


def _without_comments(text: str) -> str:
    """A text without `<!-- ... -->`: what a template says to whoever fills it in."""
    kept, at = [], 0
    while (begins := text.find("<!--", at)) >= 0 and (ends := text.find("-->", begins)) >= 0:
        kept.append(text[at:begins])
        at = ends + len("-->")
    return "".join([*kept, text[at:]])


def _pair(line: str) -> Iterator[tuple[str, str]]:
    row = [c.strip() for c in line.strip("|").split("|")] if line.startswith("|") else []
    if len(row) > 1:
        yield _plain(row[0]), _bare(row[1])
    elif len(parts := re.split("[:=]", _bare(line), maxsplit=1)) > 1:
        yield _plain(parts[0]), parts[1].strip()


def _bare(text: str) -> str:
    """Without list markers, emphasis and code spans."""
    return re.sub(r"^(?:[-*+>]|\d+[.)])\s+|[`*]|(?<!\w)_++|(?<!_)_++(?!\w)", "", text).strip()


def _plain(name: str) -> str:
    """A name as it is compared: `P95 latency (s)` is `p95 latency`."""
    words = re.sub(r"\([^)]*\)", "", _bare(name)).lower()
    return " ".join(re.split(r"[\s_-]+", words.strip()))


def _number(text: str) -> float:
    """'1,234.5', '1.234,5', '1 234' and '0,85' as a number; one mark before three digits alone is a decimal's."""
    last = max(text.rfind("."), text.rfind(","))
    whole = _THOUSANDS.fullmatch(text)
    grouped = whole is not None and (sum(text.count(c) for c in ".,' ") > 1 or whole[1] in "' ")
    if grouped and whole is not None and text[last] == whole[1]:
        return float(re.sub(r"[.,' ]", "", text))
    decimals = text[last + 1 :] if last >= 0 else ""
    head = text[:last] if last >= 0 else text
    return float(f"{re.sub(r'[.,]|[^0-9+-]', '', head) or 0}.{decimals or 0}")
