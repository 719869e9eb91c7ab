"""What verbs for many learners print: what came of it for each, and the exit code."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from vlab import ui
from vlab.errors import Exit

if TYPE_CHECKING:
    from vlab.classroom.many import Outcome


def show(found: "Sequence[Outcome]", as_json: bool) -> int:
    """Print outcomes; exit code 0 if nobody had trouble, else 1."""
    if as_json:
        lines = [{"learner": o.learner.slug, "ok": o.ok, "words": o.words, "hint": o.hint} for o in found]
        typer.echo(json.dumps(lines, indent=2))
    else:
        table = Table("learner", "name", "", "what came of it", box=None)
        for each in found:
            said = f"{each.words} ({each.hint})" if each.hint else each.words
            table.add_row(each.learner.slug, each.learner.name, "ok" if each.ok else "trouble", said)
        ui.out.print(table)
    trouble = sum(not each.ok for each in found)
    ui.say(f"{len(found) - trouble} of {len(found)} learners: done" + (f"; {trouble} had trouble" if trouble else ""))
    return Exit.CHECKS_FAILED if trouble else Exit.OK
