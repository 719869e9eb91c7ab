"""What a learner wrote, as sentences that belong to parts: Markdown in any form, or none at all."""

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token

from vlab.rubric.spelling import corrected
from vlab.rubric.vocabulary import cue, fold, part_names, terms

LONGEST_SENTENCE = 800
PARTS = ("signal", "interpretation", "ruled-out", "change", "validation")

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufe00-\ufe0f]")
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,500}>|<!--.*?-->", re.DOTALL)
_BLOCK_TAG = re.compile(r"<\s*/?\s*(?:br|p|div|li|ul|ol|tr|h[1-6]|section|table|article)\b[^<>]{0,500}>", re.IGNORECASE)
_CAPITALS = re.compile(r"^(\W*[A-Z]{3,16})(?: {2,}|\t)(?=\S)", re.MULTILINE)
"""OBSERVED  what follows."""
_TICKED = re.compile(r"^(\s*[-*+]?\s*)\[[xX]\]\s*", re.MULTILINE)
_UNSEEN = re.compile(r"<(script|style|head)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_ENDS = re.compile(r"(?:(?<=[^.]\.)|(?<=[!?\u2026])|(?<=\.{3})(?!\s*[a-z\d]))[\"')\]]*\s+|\n+")
_ABBREVIATED = cue("abbreviated")
_LABEL = re.compile(
    r"(?P<lead>[\W\d_]*?(?:(?:part|step|teil|schritt|parte|paso|ad)\s+)?(?:[\divx]{1,3}[.):]\s*|\d+\s+)?[\W_]*)"
    r"(?P<name>[a-z][^:.=>|\n]{0,60}?)\s*(?:\([^()]{0,60}\)\s*)?"
    r"(?P<mark>[:.=>|?]+|\s-+>?\s|$|(?<=[a-z])-\s)(?P<rest>.*)",
    re.DOTALL,
)
_SLACK = 14
"""Characters by which a line may be shorter for numbers that were filled in."""
_FLAG = re.compile(r"--[a-z][\w-]+")
_LOOSE = cue("loose-heading")
_NOT = re.compile(r"\b(?:not|nicht|no|never)\b|n't")
_ALMOST_ANYTHING = frozenset({"so", "also", "do", "then"})
"""Names of parts only where they stand out, behind a bullet or the like."""
_ARTICLE = re.compile(r"^(?:the|my|our|a|das|die|der|mein\w*|unser\w*|la|el|mi|nuestr[ao]|los|las)\s+")


@dataclass(frozen=True)
class Sentence:
    """One sentence, a row of a table, or a whole block of code."""

    text: str
    """As it was written, without markup."""
    part: str = ""
    """One of PARTS as its heading says; empty where none says."""
    code: bool = False
    folded: str = field(default="", compare=False)
    """As patterns are matched with it: lower case, without accents, spelt right."""


def read(markdown: str) -> list[Sentence]:
    """The sentences in their order, each once."""
    found: dict[tuple[str, str], Sentence] = {}
    part = ""
    for line in _lines(_visible(markdown)):
        if line.starts_anew:
            part = ""
        named, rest = ("", line.text) if line.code or line.part else labelled(line.text, heading=line.heading)
        part = line.part or named or ("" if line.heading else part)
        for sentence in _pieces([rest] if line.code else _sentences(rest)):
            label, sentence = ("", sentence) if line.code else labelled(sentence, colon_only=True)
            part = label or part
            for text in [sentence.strip()] if part or line.code else _breaths(sentence.strip()):
                if any(c.isalnum() for c in text):
                    found.setdefault((part, text), Sentence(text, part, line.code, _read_as(text, line.code)))
    return list(found.values())


def _read_as(text: str, code: bool) -> str:
    return fold(text) if code else corrected(fold(text))


def _visible(text: str) -> str:
    """Without what nobody sees: zero-width and direction characters, scripts, tags."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text)).replace("\r\n", "\n")
    text = _CAPITALS.sub(r"\1: ", _TICKED.sub(r"\1", text))
    if "<" not in text:
        return text
    return _TAG.sub("", _BLOCK_TAG.sub("\n", _UNSEEN.sub("", text)))


@dataclass(frozen=True)
class _Line:
    text: str
    heading: bool = False
    code: bool = False
    part: str = ""
    starts_anew: bool = False


def _lines(markdown: str) -> Iterator[_Line]:
    tokens = (
        MarkdownIt("commonmark", {"maxNesting": 20})
        .enable("table")
        .disable(["html_block", "html_inline"])
        .parse(markdown)
    )
    heading = False
    table: list[list[str]] | None = None
    for token in tokens:
        if token.type == "heading_open":
            heading = True
        elif token.type == "heading_close":
            heading = False
        elif token.type == "table_open":
            table = []
        elif token.type == "table_close":
            yield from _rows(table or [])
            table = None
        elif token.type == "tr_open" and table is not None:
            table.append([])
        elif token.type in ("fence", "code_block"):
            if _is_form(token.content):
                yield from (
                    _Line(line.replace("_", " ", 1) if line[:1].isalpha() else line)
                    for line in token.content.splitlines()
                )
            else:
                yield _Line(_kept(token.content, token.info), code=True)
        elif token.type == "inline" and table:
            table[-1].append(_plain(token))
        elif token.type == "inline":
            for line in _wrapped(_plain(token)):
                yield _Line(line, heading=heading)


def _plain(token: Token) -> str:
    """The text of a line with its code in back quotes, without other markup."""
    pieces: list[str] = []
    bold = 0
    for child in token.children or ():
        if child.type == "strong_open":
            bold = len(pieces)
        elif child.type == "strong_close":
            inner = "".join(pieces[bold:])
            if "".join(pieces[:bold]).endswith(("", "\n")) and inner[-1:].isalpha() and labelled(f"{inner}:")[0]:
                pieces.append(":")  # a heading that stands in its line
        elif child.type == "code_inline":
            pieces.append(f"`{child.content}`")
        elif child.type in ("softbreak", "hardbreak"):
            pieces.append("\n")
        else:
            pieces.append(child.content)
    return "".join(pieces)


def _kept(code: str, info: str) -> str:
    """Code as a diff leaves it, with a line for each flag that it takes away."""
    lines = code.splitlines()
    if "diff" in info or (any(re.match(r"\+(?!\+)", x) for x in lines) and any(re.match(r"-(?!-)", x) for x in lines)):
        removed = {f for x in lines if x[:1] == "-" for f in _FLAG.findall(x[1:])}
        removed -= {f for x in lines if x[:1] != "-" for f in _FLAG.findall(x)}
        lines = [
            x[1:] if x[:1] == "+" else x
            for x in lines
            if not re.match(r"-(?!--)\s*\S", x) and x[:3] not in ("+++", "---")
        ]
        lines += [f"remove {flag}" for flag in sorted(removed)]
    return "\n".join(lines)


def _wrapped(text: str) -> Iterator[str]:
    """Lines as they were meant: one that was only wrapped goes on with the next."""
    line = ""
    pieces = text.split("\n")
    widest = max(map(len, pieces))
    last = ""
    for piece in pieces:
        ended = (
            bool(last) and len(last) + len(piece.split(" ")[0]) + _SLACK < widest and not last.rstrip().endswith(",")
        )
        last = piece
        starts = (
            ended
            or bool(labelled(piece)[0])
            or bool(re.match(r"\s*(?:[-*•‣▪◦+]|\d+[.)])\s|\s*[^\w\s`\"'(<¿¡/$€\-]", piece))
        )
        if line and starts:
            yield line
            line = piece
        else:
            line = f"{line} {piece}" if line else piece
    if line:
        yield line


def _rows(rows: list[list[str]]) -> Iterator[_Line]:
    """A table as sentences: parts may be its columns or its rows."""
    if not rows:
        return
    head, body = rows[0], rows[1:]
    parts = [labelled(cell, heading=True)[0] for cell in head]
    if sum(map(bool, parts)) >= 2 and len(set(parts)) > 1:
        for row in body:
            for part, cell in zip(parts, row, strict=False):
                yield _Line(cell, part=part)
        return
    for row in [head, *body]:
        if not row:
            continue
        named, rest = labelled(row[0], heading=True)
        if named and not rest.strip():
            yield _Line(". ".join(row[1:]), part=named)
        elif row is not head or not body:
            cells = [f"{h}: {c}" if h.strip() else c for h, c in zip(head[1:], row[1:], strict=False)]
            yield _Line(", ".join([row[0], *cells]))


def labelled(line: str, *, heading: bool = False, colon_only: bool = False) -> tuple[str, str]:
    """The part that a line's first words name, and what follows them; no part and the line if they name none."""
    match = _LABEL.match(fold(line[:200]))
    if not colon_only:
        for part, signs in terms("signs").items():
            if signs.match(line.strip()):
                return part, labelled(line.strip()[1:])[1]
    if match is None or (colon_only and not set(":=") & set(match["mark"])):
        return "", line
    name = corrected(_ARTICLE.sub("", match["name"].strip(" '\"-")))
    if name in _ALMOST_ANYTHING and not match["lead"].strip() and not (name == "then" and match["mark"] == ":"):
        return "", line
    for part, names in part_names().items():
        if names.fullmatch(name):
            return part, line[match.start("rest") :]
    if _LOOSE.fullmatch(name) and not _NOT.search(name):
        for part, verbs in terms("headings").items():
            if verbs.search(name):
                return part, line[match.start("rest") :]
    if heading:
        said = {part for part, names in part_names().items() if _says(names, name)}
        if len(said) == 1:
            return said.pop(), line[match.start("rest") :]
    return "", line


def _says(names: re.Pattern[str], heading: str) -> bool:
    words = heading.split()
    return any(names.fullmatch(" ".join(words[i:j])) for i in range(len(words)) for j in range(i + 1, len(words) + 1))


def _is_form(code: str) -> bool:
    """Whether code is the parts themselves, one a key."""
    return len({part for line in code.splitlines() if (part := labelled(line.replace("_", " "))[0])}) > 1


def _pieces(sentences: Iterable[str]) -> Iterator[str]:
    """Sentences no longer than one that anybody would read."""
    for sentence in sentences:
        yield from textwrap.wrap(sentence, LONGEST_SENTENCE) if len(sentence) > LONGEST_SENTENCE else [sentence]


def _breaths(sentence: str) -> Iterator[str]:
    """Where no heading says what is what, a sentence may say all in one breath: cut where it goes on to the next."""
    start = 0
    for cut in cue("goes-on").finditer(fold(sentence)):
        yield sentence[start : cut.start()].strip()
        start = cut.start() if sentence[cut.start()].isspace() else cut.end()
    yield sentence[start:].strip()


def _sentences(line: str) -> Iterator[str]:
    """A line cut where sentences end, and not behind an abbreviation."""
    start = 0
    for end in _ENDS.finditer(line):
        if end[0].startswith("\n") or not _ABBREVIATED.search(fold(line[max(start, end.start() - 12) : end.start()])):
            yield line[start : end.start()]
            start = end.end()
    yield line[start:]


def joined(sentences: Iterable[Sentence]) -> str:
    """Their folded texts, one a line."""
    return "\n".join(s.folded for s in sentences)
