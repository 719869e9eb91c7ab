"""`vlab quiz`: questions about situations, one after the other, each with its explanation."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markdown import Markdown
from rich.table import Table

from vlab import journal, progress, ui
from vlab import quiz as questions
from vlab.cli.options import LEARNER, Learner
from vlab.errors import Exit, LabError
from vlab.quiz import Choice, Explain, Item, Option

if TYPE_CHECKING:
    from vlab.rubric import Judged

_LINE_BYTES = 4096
_WORDS = 12
"""So many at least make an answer in writing: the model answer is for who has thought first."""
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


class _NotNow(Exception):
    """The item is left for later."""


class _Enough(Exception):
    """The learner ends the quiz, or there is nobody who answers."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("quiz")(quiz)


def quiz(
    topic: Annotated[list[str] | None, typer.Option(help="Only this topic; may be given several times.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Every item, also those that were answered.")] = False,
    learner: Learner = LEARNER,
    as_json: Annotated[
        bool, typer.Option("--json", help="Ask nothing; print the items as JSON, and those answered with explanations.")
    ] = False,
) -> None:
    """Ask what is not answered yet, then what was answered wrongly. Every answer is kept at once.

    Answers are lines on stdin: letters, or the file of an answer in writing; an empty line leaves an item for later, q
    ends.
    """
    wanted = [questions.topic(t) for t in dict.fromkeys(topic)] if topic else list(questions.topics().values())
    items = [item for each in wanted for item in each.items]
    titles = {item.id: each.title for each in wanted for item in each.items}
    kept = journal.known(learner)
    if as_json:
        known = progress.answers(kept.events)
        typer.echo(json.dumps([_record(i, titles[i.id], learner, known) for i in items], indent=2))
        return
    asked = items if again else progress.waiting(items, kept.events)
    if not asked:
        ui.say("every item is answered, and rightly; `vlab quiz --again` asks them anew")
        return
    try:
        for number, item in enumerate(asked, start=1):
            ui.out.rule(f"{number} of {len(asked)}: {titles[item.id]}", align="left", style="dim")
            _ask(item, learner)
    except _Enough:
        ui.err.print()
    _say_how_far(items, learner)


def _say_how_far(items: list[Item], learner: str) -> None:
    events = journal.read(learner).events
    last = [progress.answers(events).get(i.id, "left") for i in items]
    said = f"{last.count(True)} right, {last.count(False)} wrong, {last.count(None)} written, {last.count('left')} left"
    more = "; `vlab quiz` goes on from here" if progress.waiting(items, events) else ""
    ui.say(f"of {len(items)} items: {said}{more}")


def _ask(item: Item, learner: str) -> None:
    ui.out.print(Markdown(item.stem))
    ui.out.print()
    try:
        if isinstance(item, Choice):
            _ask_choice(item, learner)
        else:
            _ask_explain(item, learner)
    except _NotNow:
        return
    shows = f"`vlab start {item.scenario}` shows it" if item.scenario else f"task {item.task} of the course shows it"
    ui.out.print(f"{shows}\n", markup=False, style="dim")


# Items with options


def _ask_choice(item: Choice, learner: str) -> None:
    shown = item.shown(learner)
    ui.out.print(_table({letter: option.text for letter, option in shown.items()}))
    several = len(item.right) > 1
    what = "all letters that are right, such as ac" if several else "a letter"
    while True:
        line = _line(f"your answer ({what}; Enter: later, q: end): ")
        try:
            letters = item.chosen(line, shown)
            break
        except ValueError as e:
            ui.say(str(e))
    right = {shown[letter] for letter in letters} == item.right
    journal.append(learner, journal.Answered(item=item.id, right=right))
    expected = ", ".join(letter for letter, option in shown.items() if option.right)
    verdict = f"Right: {expected}." if right else f"Not right. It is {expected}."
    ui.out.print(f"\n{verdict}\n", markup=False, style="bold green" if right else "bold red")
    ui.out.print(_table({f"{x} {_word(x, o, letters)}": o.why for x, o in shown.items()}))
    ui.out.print()


def _word(letter: str, option: Option, chosen: frozenset[str]) -> str:
    return f"({'right' if option.right else 'wrong'}{', yours' if letter in chosen else ''})"


def _table(rows: dict[str, str]) -> Table:
    """What belongs to each letter, beside it."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    for letter, text in rows.items():
        table.add_row(letter, Markdown(text))
    return table


# Items that are answered in writing


def _ask_explain(item: Explain, learner: str) -> None:
    from vlab import recommending

    if figures := recommending.figures(item):
        ui.out.print(_table({name: f"{value:g}" for name, value in figures.items()}))
    own = journal.folder(learner) / "written" / f"{item.id}.md"
    text = _written(item, own)
    _keep(own, text)
    judged = recommending.judged(item, text)
    journal.append(learner, journal.Explained(item=item.id, right=judged and judged.passes))
    if judged is not None:
        _show_judged(judged)
    ui.out.print("\nA model answer, to compare yours with:\n", style="bold")
    ui.out.print(Markdown(recommending.model_answer(item)))
    ui.out.print()


def _show_judged(judged: "Judged") -> None:
    verdict = "Right: it passes." if judged.passes else "Not right yet."
    ui.out.print(f"\n{verdict}\n", markup=False, style="bold green" if judged.passes else "bold red")
    rows = {f"{c.id} ({c.verdict})": c.help for c in judged.criteria if c.verdict is not None}
    ui.out.print(_table(rows))


def _written(item: Explain, own: Path) -> str:
    """What the learner wrote, once it is an answer."""
    editable = sys.stdin.isatty() and ui.err.is_terminal
    how = "a file with your answer, or e for an editor" if editable else "a file with your answer"
    while True:
        line = _line(f"{how} (Enter: later, q: end): ")
        try:
            text = _edited(item, own) if editable and line == "e" else _read(_named(line))
            _refuse_short(text)
        except LabError as e:
            ui.fail(e)
        else:
            return text


def _edited(item: Explain, file: Path) -> str:
    """What the learner wrote in an editor; the file stays, whatever becomes of it.

    Raises:
        LabError: there is no editor, or what it left cannot be read.
    """
    if not file.exists():
        _keep(file, f"<!--\n{item.stem}-->\n\n")
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        subprocess.run([*shlex.split(editor), str(file)], check=True, stdout=sys.stderr)  # stdout may be a file
    except (OSError, ValueError, subprocess.CalledProcessError) as e:
        raise LabError(f"the editor did not work: {e}", "set EDITOR, or name a file") from None
    return _read(file)


def _named(line: str) -> Path:
    """Raises: LabError if nobody has the home that it begins with."""
    try:
        return Path(line).expanduser()
    except RuntimeError:
        raise LabError(f"{line}: there is no such home", "name a file with your answer, in Markdown") from None


def _read(file: Path) -> str:
    """Raises: LabError if the file cannot be an answer."""
    from vlab import rubric

    return _COMMENT.sub("", rubric.read_text(file, "name a file with your answer, in Markdown")).strip()


def _refuse_short(text: str) -> None:
    if len(text.split()) < _WORDS:
        raise LabError("there is no answer in it yet", f"write {_WORDS} words or more; then a model answer is shown")


def _keep(file: Path, text: str) -> None:
    """Raises: LabError if it cannot be written."""
    from vlab.runs import write_whole

    try:
        write_whole(file, text)
    except OSError as e:
        raise LabError(
            f"{file} cannot be written: {e.strerror}", "VLAB_STATE names another folder", Exit.MACHINE
        ) from e


def _line(prompt: str) -> str:
    """The next line of stdin.

    Raises:
        _NotNow: it is empty.
        _Enough: it is q, or there is none.
    """
    ui.err.print(prompt, end="", markup=False)
    raw = sys.stdin.buffer.readline(_LINE_BYTES)
    if not raw:
        raise _Enough
    while not raw.endswith(b"\n") and (more := sys.stdin.buffer.readline(_LINE_BYTES)):
        raw = more if more.endswith(b"\n") else raw  # the end of a line that is too long to be an answer
    line = raw.decode(errors="replace").strip()
    if not line:
        raise _NotNow
    if line == "q":
        raise _Enough
    return line


def _record(item: Item, title: str, learner: str, known: dict[str, bool | None]) -> dict[str, Any]:
    """For `--json`: as it would be shown now."""
    answered = item.id in known
    found: dict[str, Any] = {"id": item.id, "topic": title, "kind": item.kind, "stem": item.stem}
    found |= {"scenario": item.scenario, "task": item.task, "answered": answered}
    if isinstance(item, Choice):
        shown = item.shown(learner)
        found |= {"choose": len(item.right), "right": known.get(item.id)}
        options = {letter: option.model_dump() for letter, option in shown.items()}
        return found | {"options": options if answered else {x: {"text": o.text} for x, o in shown.items()}}
    from vlab import recommending

    found |= {"figures": recommending.figures(item), "right": known.get(item.id)}
    return found | ({"model_answer": recommending.model_answer(item)} if answered else {})
