"""`vlab site`: the course, built from this installation and shown in a browser."""

import errno
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from vlab import paths, ui
from vlab.errors import Exit, LabError

_NEEDED = {"mkdocs": "mkdocs", "mkdocs-material": "material"}
"""Packages, and a module of each."""
_HOST = "127.0.0.1"
_MARK = ".vlab-site"
"""Lies in a folder that this command has made, which it may therefore empty."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("site")(site)


def site(
    build: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Only build it into this folder, which is new or empty.")
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where on this machine it is shown; 0: on any that is free.")
    ] = 8800,
) -> int:
    """Build the course's site and show it on this machine, to this machine alone, until Ctrl-C.

    The solutions are in it only if VLAB_SOLUTIONS is 1.
    """
    _refuse_without_mkdocs()
    if build is not None:
        _build_into(build)
        typer.echo(build / "index.html")
        return Exit.OK
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: no folder is left behind
    with tempfile.TemporaryDirectory(prefix="vlab-site-") as folder, _listening(port, folder) as server:
        _build(Path(folder))
        typer.echo(f"http://{_HOST}:{server.server_port}/")
        ui.say("Ctrl-C ends it", style="dim")
        try:
            server.serve_forever()
        except KeyboardInterrupt:  # the way to end it
            ui.err.print()
    return Exit.OK


class _Pages(SimpleHTTPRequestHandler):
    """The built site. What a browser asks for is no news."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def _listening(port: int, folder: str) -> Iterator[ThreadingHTTPServer]:
    """A server of a folder that has the port already, so that nobody waits for a site that cannot be shown.

    Raises:
        LabError: the port cannot be had.
    """
    try:
        server = ThreadingHTTPServer((_HOST, port), partial(_Pages, directory=folder))
    except OSError as e:
        why = "is taken" if e.errno == errno.EADDRINUSE else f"cannot be had: {e.strerror}"
        raise LabError(
            f"port {port} {why}", "name another one: --port; 0 takes any that is free", Exit.MACHINE
        ) from None
    with server:
        yield server


def _refuse_without_mkdocs() -> None:
    """Raises: LabError if what builds the site is not installed; vlab works without."""
    missing = [package for package, module in _NEEDED.items() if find_spec(module) is None]
    if missing:
        raise LabError(
            f"{' and '.join(missing)} {'are' if missing[1:] else 'is'} not installed, which the site is built with",
            "pip install 'vlab[site]', in a checkout: pip install --editable '.[site]'",
            Exit.MACHINE,
        )


def _build_into(folder: Path) -> None:
    """Build it into a folder that is new, empty, or made by an earlier build.

    Raises:
        LabError: something else is in it, or it cannot be written; it cannot be built.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()) and not (folder / _MARK).is_file():
            raise LabError(f"{folder} holds files that this command did not make", "name a new folder", Exit.NOT_OURS)
        (folder / _MARK).touch()
    except OSError as e:
        raise LabError(f"cannot write {folder}: {e.strerror}", "name a folder of yours") from e
    _build(folder)


def _build(folder: Path) -> None:
    """Build the site into a folder, which is emptied.

    Raises:
        LabError: a page has a mistake, or files of the site are not there.
    """
    os.environ["NO_MKDOCS_2_WARNING"] = "1"  # the theme speaks of a future mkdocs, which is not this one
    from mkdocs.commands.build import build
    from mkdocs.config import load_config
    from mkdocs.exceptions import MkDocsException

    with ui.Steps() as steps, steps.step("build the site"):
        try:
            build(load_config(str(paths.data("mkdocs.yml")), site_dir=str(folder.absolute())))
        except MkDocsException as e:
            raise LabError(f"the site cannot be built: {e}", "mend what is named above", Exit.BUILD) from e
