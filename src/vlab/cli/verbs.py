"""The commands: each is a module beside this one, imported only when it is used.

A module is a command if its first line says so: the command's name, a colon, and what `vlab --help` shows of
it. Reading those lines takes a millisecond; importing the modules takes half a second.
"""

import difflib
import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup

_FIRST_LINE = re.compile(r'"""`vlab ([a-z-]+)`: (.+?)(?:""")?$')


class Verb(NamedTuple):
    """A command that is not imported yet."""

    module: str
    help: str


@cache
def verbs() -> dict[str, Verb]:
    """Every command by its name, in alphabetical order."""
    found = {}
    for file in Path(__file__).parent.glob("*.py"):
        with file.open(encoding="utf-8") as lines:
            if match := _FIRST_LINE.match(lines.readline().rstrip()):
                name, words = match.groups()
                found[name] = Verb(f"{__package__}.{file.stem}", words[0].upper() + words[1:])
    return dict(sorted(found.items()))


class Verbs(TyperGroup):
    """The group of all commands, as `typer.Typer(cls=...)` takes it."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Their names."""
        return list(verbs())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """One of them, imported now."""
        if cmd_name not in self.commands and (verb := verbs().get(cmd_name)):
            app = typer.Typer(add_completion=False, rich_markup_mode=self.rich_markup_mode)
            app.callback()(lambda: None)  # makes it a group, however many commands it has
            import_module(verb.module).register(app)
            self.commands.update(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is meant; the nearest name is in the error if there is none."""
        if args[0] not in verbs():
            near = difflib.get_close_matches(args[0], verbs())
            did_you_mean = f" Did you mean {', '.join(map(repr, near))}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{did_you_mean}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Their list in the help, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.help) for name, verb in verbs().items()])
