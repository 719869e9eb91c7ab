"""`vlab cache`: show what is cached and how much it takes on the disk."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from vlab import disk, paths, ui
from vlab.cli.options import Json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("cache")(cache)


def cache(
    prune: Annotated[bool, typer.Option("--prune", help="Remove what no lab and no `vlab up` needs.")] = False,
    as_json: Json = False,
) -> None:
    """Show what is cached and how much it takes; hard-linked files count once."""
    from vlab.build import targets
    from vlab.locks import locked

    root = paths.cache()
    if prune and root.is_dir():
        with ui.Steps() as steps, locked(root, "building images"), steps.step("Prune the cache"):
            targets.prune(root)
    sizes = _sizes(root)
    if as_json:
        print(json.dumps({"path": str(root), "bytes": sizes}))  # noqa: T201
        return
    table = Table("cached", "size", box=None, pad_edge=False)
    for name, size in sizes.items():
        table.add_row(escape(name), decimal(size))
    table.add_row("in all", decimal(sum(sizes.values())))
    ui.out.print(str(root), markup=False, soft_wrap=True)
    ui.out.print(table)


def _sizes(root: Path) -> dict[str, int]:
    if not root.is_dir():
        return {}
    seen: set[tuple[int, int]] = set()
    return {folder.name: disk.taken(folder, seen) for folder in sorted(root.iterdir()) if folder.is_dir()}
