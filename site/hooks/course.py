"""MkDocs hook: a page for each exercise, from its own files; in the course, figures and links to exercises.

In the place of `<!-- figure: NAME -->` comes a figure of recorded runs. In that of `<!-- practise: WHAT -->` comes a
list of exercises: those of a task (its number), or scenarios of one kind; several with commas. In that of
`<!-- recorded: runs -->` come the runs that the reader drives, as data and as tables. In that of
`<!-- report: EXERCISE/PHASE -->` comes the report of a recorded run, to unfold. In that of
`<!-- rights: cluster-role -->` come the rights that vlab asks a cluster for, as a ClusterRole.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

from vlab import paths
from vlab.cluster import rights
from vlab.errors import LabError
from vlab.site import figures, pages, recorded, reports
from vlab.site.pages import FOLDER, Exercise

INDEX = f"{FOLDER}/index.md"
_SEARCH = 'data-md-component="search" role="dialog"'
_RIGHTS = "<!-- rights: cluster-role -->"
_MARK = re.compile(r"<!-- (figure|practise|recorded|report): ([^>]+?) -->")


class Built:
    """What this build has."""

    exercises: tuple[Exercise, ...] = ()


def on_config(config: MkDocsConfig, **_: Any) -> MkDocsConfig:
    """Read the exercises, and put their pages below the entry of their index."""
    course = Path(config.docs_dir).glob("course/*.md")
    sections = [pages.section(f"course/{file.name}", file.read_text()) for file in sorted(course)]
    Built.exercises = tuple(pages.exercises(sections, os.environ.get("VLAB_SOLUTIONS") == "1"))
    config.nav = [{next(iter(e)): _nav()} if isinstance(e, dict) and INDEX in e.values() else e for e in config.nav]
    return config


def _nav() -> list[Any]:
    numbers = sorted({e.task for e in Built.exercises})
    return [INDEX, *({f"Task {n}": [e.src for e in Built.exercises if e.task == n]} for n in numbers)]


def on_files(files: Files, config: MkDocsConfig, **_: Any) -> Files:
    """Add the pages of the exercises."""
    files.append(File.generated(config, INDEX, content=pages.index(Built.exercises)))
    for each in Built.exercises:
        files.append(File.generated(config, each.src, content=each.text))
    return files


def on_page_markdown(text: str, **_: Any) -> str:
    """Put the rights in the place of their mark."""
    return text.replace(_RIGHTS, f"```yaml\n{_cluster_role()}```") if _RIGHTS in text else text


def _cluster_role() -> str:
    rules = [
        {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}
        for (group, resource), verbs in rights.NEEDED.items()
    ]
    head = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "vlab"}}
    lines = [yaml.safe_dump(rule, default_flow_style=True, sort_keys=False, width=200) for rule in rules]
    return yaml.safe_dump(head, sort_keys=False) + "rules:\n" + "".join(f"  - {line}" for line in lines)


def on_page_content(html: str, page: Page, files: Files, **_: Any) -> str:
    """Put figures, runs and links in the place of their marks."""

    def put(mark: re.Match[str]) -> str:
        if mark[1] == "figure":
            return _figure(mark[2], page)
        if mark[1] == "recorded":
            return recorded.html()
        if mark[1] == "report":
            return _report(mark[2], page)
        return _links(mark[2], page, files)

    return _MARK.sub(put, html)


def _figure(name: str, page: Page) -> str:
    if name not in figures.names():
        raise PluginError(f"{page.file.src_uri}: no figure is called {name}; there are: {', '.join(figures.names())}")
    return figures.figure(name).html()


def _report(where: str, page: Page) -> str:
    try:
        return reports.report(where)
    except LabError as e:
        raise PluginError(f"{page.file.src_uri}: {e.message}; {e.hint}") from e


def _links(wanted: str, page: Page, files: Files) -> str:
    items = []
    for each in _chosen(wanted):
        file = files.get_file_from_path(each.src)
        assert file is not None  # noqa: S101 - on_files has added it
        url = get_relative_url(file.url, page.url)
        items.append(f'<li><a href="{url}">{each.title}</a> <small>about {each.minutes} minutes</small></li>')
    return f'<ul class="vlab-practise">{"".join(items)}</ul>' if items else ""


def _chosen(wanted: str) -> Iterator[Exercise]:
    words = {word.strip() for word in wanted.split(",")}
    return (e for e in Built.exercises if words & {str(e.task), e.kind})


def on_post_page(output: str, **_: Any) -> str:
    """Give the search the name that the theme leaves it without."""
    return output.replace(_SEARCH, f'{_SEARCH} aria-label="Search"')


def on_post_template(output: str, **_: Any) -> str:
    """The same for the page that is shown where there is none."""
    return on_post_page(output)


def on_serve(server: Any, **_: Any) -> Any:
    """Build anew when an exercise changes."""
    for folder in ("scenarios", "labs", "graders"):
        if (path := Path(paths.data(folder))).is_dir():
            server.watch(str(path))
    return server
