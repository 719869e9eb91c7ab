"""Numbers in a sentence: their value, unit and precision; not those of names, flags, versions, dates or percentiles."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from vlab.rubric.units import NONE, UNITS, Unit
from vlab.rubric.vocabulary import cue

_UNIT = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
_NUMBER = re.compile(
    r"(?:(?<![\w.,/<>@#\[{-])|(?<=[a-z\d]>))(?:[~<>]|>=|<=)?\s?"
    r"(?P<digits>\d{1,3}(?:[ '.,]\d{3})+(?:[.,]\d+)?(?![\d.,]*\d)|\d+(?:[.,]\d+)?)"
    rf"(?:\s?-?(?P<unit>{_UNIT})(?![\w/]))?(?![\w\]}}]|[.,/:]\d|/\w)"
)
_SHARED = re.compile(rf"\s*(?:to|auf|a|-?>|vs\.?|against|gegen)\s*~?\d+(?:[.,]\d+)?\s?(?P<unit>{_UNIT})(?![\w/])")
"""'From 0.42 to 2.84 s': the first has the second's unit."""
_NOT_OF_THE_RUN = cue("no-number")
_LOOSE = cue("loose")


@dataclass(frozen=True)
class Number:
    """A number and where it stands in its sentence."""

    value: float
    """As written."""
    unit: Unit
    half_step: float
    """Half of what its last digit stands for."""
    start: int
    end: int
    loose: bool
    """Whether a word before it says that it is not exact."""
    text: str

    @property
    def in_base(self) -> float:
        """In seconds, MiB, a fraction, tokens a second, or as a plain number."""
        return self.value * self.unit.factor


def numbers(folded: str) -> Iterator[Number]:
    """Every number that may be one of the run."""
    hidden = [m.span() for m in _NOT_OF_THE_RUN.finditer(folded)]
    for match in _NUMBER.finditer(folded):
        start, end = match.span("digits")[0], match.end()
        if any(a <= start < b for a, b in hidden):
            continue
        value, half_step = parsed(match["digits"])
        behind = None if match["unit"] or not half_step < 0.5 else _SHARED.match(folded[end:])
        named = match["unit"] or (behind and behind["unit"])
        unit = UNITS[named] if named else NONE
        yield Number(
            value, unit, half_step, start, end, bool(_LOOSE.search(folded[: match.start("digits")])), match[0].strip()
        )


def parsed(digits: str) -> tuple[float, float]:
    """A number as people write it, and half of what its last digit stands for: 1,95 and 1.95, 1,234.5 and 1.234,5."""
    digits = digits.replace(" ", "").replace("'", "")
    marks = [c for c in digits if c in ".,"]
    if len(set(marks)) == 2 or len(marks) > 1:
        decimal = digits[max(digits.rfind("."), digits.rfind(","))] if len(set(marks)) == 2 else ""
        for mark in ".,":
            if mark != decimal:
                digits = digits.replace(mark, "")
    elif marks and re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", digits) and marks[0] == ",":
        pass  # 1,234 may be either: told by what it is compared with
    digits = digits.replace(",", ".")
    decimals = len(digits.partition(".")[2])
    return float(digits), 0.5 * 10.0**-decimals


def readings(number: Number) -> tuple[float, ...]:
    """What it may mean: 1,234 and 1.234 are a thousand and more, or little more than one."""
    if re.search(r"(?<!\d)[1-9]\d{0,2}[.,]\d{3}(?!\d)", number.text) and number.half_step < 0.001:
        return (number.in_base, number.in_base * 1000)
    return (number.in_base,)
