"""MkDocs hook: the reference's pages and the JSON schemas, from the program itself."""

from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from vlab import cli
from vlab.site import reference

ENTRY = "Reference"
"""Of the navigation: in its place comes a section with every page."""


class Built:
    """What this build has, by the file among the site's sources."""

    files: dict[str, str] = {}  # noqa: RUF012 - it is replaced as a whole


def on_config(config: MkDocsConfig, **_: Any) -> MkDocsConfig:
    """Make the pages, and put them into the navigation."""
    group = typer.main.get_command(cli.app)
    Built.files = reference.generated(group)
    pages = [name for name in Built.files if name.endswith(".md")]
    config.nav = [{ENTRY: pages} if isinstance(each, dict) and ENTRY in each else each for each in config.nav]
    return config


def on_files(files: Files, config: MkDocsConfig, **_: Any) -> Files:
    """Add them."""
    for name, text in Built.files.items():
        files.append(File.generated(config, name, content=text))
    return files
