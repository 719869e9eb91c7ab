"""What came of one criterion."""

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["pass", "fail", "unsure"]


@dataclass(frozen=True)
class Criterion:
    """What came of one criterion."""

    id: str
    verdict: Outcome | None
    """None: it does not apply."""
    span: str = ""
    """The words that decided it; two places are divided by ' ... '."""
    help: str = ""
    """One sentence: what was found, or what is missing."""
