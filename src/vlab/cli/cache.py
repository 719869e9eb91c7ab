"""`vlab cache`: show what is cached and how much it takes on the disk, or carry it to other machines."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from vlab import disk, paths, ui
from vlab.cli.options import Json
from vlab.errors import Exit, LabError

app = typer.Typer(invoke_without_command=True)


def register(parent: typer.Typer) -> None:
    """Add the command and its verbs."""
    parent.add_typer(app, name="cache")


@app.callback()
def cache(
    context: typer.Context,
    prune: Annotated[bool, typer.Option("--prune", help="Remove what no lab and no `vlab up` needs.")] = False,
    as_json: Json = False,
) -> None:
    """Show what is cached and how much it takes; hard-linked files count once."""
    from vlab.build import targets
    from vlab.locks import locked

    if context.invoked_subcommand is not None:
        return
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


@app.command("export")
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file; about half of what the images take.")],
    as_json: Json = False,
) -> None:
    """Pack the images that were built here into one file, for machines without a network."""
    from vlab.build import transfer

    _refuse_others()
    with ui.Steps() as steps:
        manifest = transfer.export_parts(paths.cache(), _names(), file, steps)
    if as_json:
        _print({"file": str(file), "bytes": file.stat().st_size, "sha256": manifest.sha256, **manifest.model_dump()})
        return
    ui.say(f"{file}: {decimal(file.stat().st_size)}, digest {manifest.sha256}")
    ui.say("on the other machines, with the same vlab: `vlab cache import FILE`, then `vlab up --provider kind-built`")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="As `vlab cache export` wrote it.")],
    digest: Annotated[str | None, typer.Option(help="The digest that the export said; refuse any other file.")] = None,
    as_json: Json = False,
) -> None:
    """Put images that were built on another machine into the cache; what is there already stays.

    They run as root, as do those that are built here: take a file only from whom you trust.
    """
    from vlab import machine
    from vlab.build import transfer

    _refuse_others()
    with ui.Steps() as steps:
        done = transfer.import_parts(paths.cache(), _names(), file, steps, digest)
    lacking = machine.missing_packages()
    if as_json:
        found = {"imported": done.new, "there": done.there, "missing_packages": lacking}
        _print({"file": str(file), "sha256": done.manifest.sha256, **found})
        return
    ui.say(f"imported: {', '.join(done.new) or 'nothing'}; there already: {', '.join(done.there) or 'nothing'}")
    if lacking:
        ui.say(f"`vlab up` will install {', '.join(lacking)}: that alone needs a network, or do it before")
    ui.say("`vlab up --provider kind-built` needs no network for images now")


def _names() -> list[str]:
    from vlab.build import targets

    return [f"{step.name}/{step.key}" for step in targets.steps_of("kind-built")]


def _refuse_others() -> None:
    """Images are root file systems: only root reads all of one, and makes one as it was."""
    if os.geteuid() != 0:
        raise LabError("images keep their files' owners, which only root may read and set", "run as root", Exit.MACHINE)


def _print(found: dict[str, Any]) -> None:
    print(json.dumps(found))  # noqa: T201
