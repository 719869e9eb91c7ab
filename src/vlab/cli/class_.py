"""`vlab class`: many learners on one cluster: make a class, start exercises, grade, watch, export."""

import pkgutil
from importlib import import_module

import typer

from vlab.cli import classroom

app = typer.Typer(no_args_is_help=True, help="Many learners on one cluster.")


def register(parent: typer.Typer) -> None:
    """Add the command and its verbs, which are the modules of `vlab.cli.classroom`."""
    for module in pkgutil.iter_modules(classroom.__path__):
        import_module(f"{classroom.__name__}.{module.name}").register(app)
    parent.add_typer(app, name="class")
