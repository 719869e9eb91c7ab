"""What a grader file is made of: `@check` functions that `expect` something, or cannot tell."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., None])


class Mismatch(AssertionError):
    """A check's statement does not hold; said in the learner's words.

    `help`, if given, takes the place of the check's own.
    """

    def __init__(self, expected: str, actual: str, help: str | None = None) -> None:
        super().__init__(f"expected {expected}, found {actual}")
        self.expected = expected
        self.actual = actual
        self.help = help


@dataclass(frozen=True)
class Check:
    """One graded statement. `title` is the first line of its function's docstring."""

    id: str
    title: str
    points: int
    needs: tuple[str, ...]
    """Checks that must pass first; if one does not, this one is skipped, not failed."""
    help: str
    """What to look at when it fails; never the solution."""
    function: Callable[..., None]


def check(id: str, *, points: int = 0, needs: Sequence[str] = (), help: str) -> Callable[[Function], Function]:
    """Make a function of a grader file a check; its parameters are views of the evidence (grading/views.py).

    A check without points is a safeguard: it earns nothing, and those that earn something need it.
    """

    def mark(function: Function) -> Function:
        title = (function.__doc__ or "").strip().splitlines()
        if not title:
            raise TypeError(f"check {id} has no docstring; its first line is the check's title")
        made: Any = function
        made.check = Check(id, title[0].rstrip("."), points, tuple(needs), help, function)
        return function

    return mark


def expect(condition: object, expected: str, actual: str, help: str | None = None) -> None:
    """Raises: Mismatch unless the condition holds; both texts complete 'expected ..., found ...'."""
    if not condition:
        raise Mismatch(expected, actual, help)
