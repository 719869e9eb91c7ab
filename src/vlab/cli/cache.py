"""`vlab cache`: show what is cached and how much it takes on the disk."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.table import Table

from vlab import paths, ui
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
    from vlab.cluster.lab import locked

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
        table.add_row(name, decimal(size))
    table.add_row("in all", decimal(sum(sizes.values())))
    ui.out.print(str(root))
    ui.out.print(table)


def _sizes(root: Path) -> dict[str, int]:
    seen: set[int] = set()
    return (
        {folder.name: _size(folder, seen) for folder in sorted(root.iterdir()) if folder.is_dir()}
        if root.is_dir()
        else {}
    )


def _size(folder: Path, seen: set[int]) -> int:
    total = 0
    for file in folder.rglob("*"):
        status = file.lstat()
        if status.st_ino not in seen:
            seen.add(status.st_ino)
            total += status.st_blocks * 512
    return total
