"""What `vlab watch` shows on a terminal: from a state to lines that fit, whatever there is to say."""

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.text import Text

from vlab import ui
from vlab.model import CheckResult, Verdict
from vlab.report import words
from vlab.watching.state import GRADED_WITH_LOAD, State, one_line, tally

KEYS = "h hint   g grade   r reset   q quit"
ASKING = "reset: give up what you changed? y/n"
_STYLES = {Verdict.PASS: "green", Verdict.FAIL: "bold red", Verdict.ERROR: "yellow", Verdict.SKIP: "dim"}
_FOLDED = {Verdict.PASS: "checks pass", Verdict.SKIP: "checks wait for another one"}
_INDENT = 4
_LEVELS: tuple[tuple[Sequence[Verdict], int], ...] = (
    ((), 3),
    ((Verdict.PASS,), 3),
    ((Verdict.PASS, Verdict.SKIP), 3),
    ((Verdict.PASS, Verdict.SKIP), 1),
    ((Verdict.PASS, Verdict.SKIP), 0),
)
"""From most room to least: which verdicts are folded into a count, and how many lines an explanation may have."""


def lines(state: State, title: str, width: int, height: int, *, asking: bool = False) -> list[Text]:
    """The whole picture: `height` lines at most, none wider than `width` cells.

    Args:
        asking: whether a reset waits for y or n.
    """
    head = [Text(one_line(title), "bold"), Text(tally(state), "bold green" if state.passed else ""), Text()]
    foot = [Text(), _now(state), Text(ASKING, "bold") if asking else Text(KEYS, "dim")]
    room = height - len(head) - len(foot)
    found = [*head, *_body(state, width, room), *foot]
    # A window of a few lines shows the end: what happens now, and the keys.
    return [_cut(each, width) for each in found[-height:]]


def _now(state: State) -> Text:
    if state.problem:
        return Text(one_line(state.problem), "yellow")
    if state.doing:
        return Text(f"looking: {one_line(state.doing)}", "cyan")
    if state.moving:
        return Text(f"still moving: {one_line(state.moving)}", "cyan")
    return Text("nothing moves; it is looked at again when something changes", "dim")


def _body(state: State, width: int, room: int) -> list[Text]:
    if room <= 0:
        return []
    for fold, explained in _LEVELS:
        found = list(_checks(state, width, fold, explained))
        if len(found) <= room:
            return found
    rest = len(found) - room + 1
    return [*found[: room - 1], Text(f"... and {rest} more", "dim")]


def _checks(state: State, width: int, fold: Sequence[Verdict], explained: int) -> Iterator[Text]:
    """What is folded as a count, then all others in their order."""
    many = Counter(c.verdict for c in state.checks)
    folded = [verdict for verdict in fold if many[verdict] > 1]
    for verdict in folded:
        yield Text(f"{words.MARKS[verdict][0]} {many[verdict]} {_FOLDED[verdict]}", _STYLES[verdict])
    for each in state.checks:
        if each.verdict not in folded:
            yield from _check(state, each, width, explained)


def _check(state: State, result: CheckResult, width: int, explained: int) -> Iterator[Text]:
    mark, style, note = words.MARKS[result.verdict][0], _STYLES[result.verdict], ""
    if state.waits_for_load(result):
        mark, style, note = "·", "dim", GRADED_WITH_LOAD
    elif result.verdict is Verdict.SKIP:
        note = result.reason
    yield Text.assemble((f"{mark} ", style), one_line(result.title), (f"  {one_line(note)}".rstrip(), "dim"))
    if note or result.verdict is Verdict.PASS:
        return
    for name, said in words.explanations(result).items():
        text = Text.assemble((f"{name}: ", "bold"), one_line(said))
        for each in text.wrap(ui.out, max(8, width - _INDENT), overflow="fold")[:explained]:
            yield Text.assemble(" " * _INDENT, each)


def _cut(text: Text, width: int) -> Text:
    text.truncate(width, overflow="ellipsis")
    return text
