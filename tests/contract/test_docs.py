"""What the pages say is what the program does."""

import re
from pathlib import Path

import typer

from vlab import cli
from vlab.cli.verbs import verbs
from vlab.errors import Exit

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "site").rglob("*.md"))]
COURSE = ROOT / "site/course"
"""Where an option that stands alone is the engine's."""
EXAMPLE = "impatient-probe"
"""The scenario that site/guides/add-a-scenario.md makes, and takes away again."""


def test_every_exit_code_is_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", readme, re.MULTILINE)}
    assert documented == {*map(int, Exit)}


def test_every_command_on_a_page_exists():
    named = {
        (page.name, verb)
        for page in PAGES
        for verb in re.findall(r"(?:`|^)vlab ([a-z]+)\b", page.read_text(), re.MULTILINE)
    }
    assert {(page, verb) for page, verb in named if verb not in verbs()} == set()
    assert len(named) > 10


def test_every_option_on_a_page_exists():
    group = typer.main.get_command(cli.app)
    context = typer.Context(group)
    commands = [group.get_command(context, verb) for verb in verbs()]
    commands += [inner for c in commands for inner in getattr(c, "commands", {}).values()]
    options = {"--help", *(o for c in commands for p in c.params for o in p.opts)}
    text = "\n".join(page.read_text() for page in PAGES)
    alone = "\n".join(page.read_text() for page in PAGES if COURSE not in page.parents)
    named = set(re.findall(r"vlab [a-z]+ [^`\n]*?(--[a-z-]+)", text)) | set(re.findall(r"`(--[a-z-]+)[^`]*`", alone))
    assert named - options == set()


def test_every_exercise_on_a_page_exists():
    from vlab import catalog

    text = "\n".join(page.read_text() for page in PAGES)
    named = set(re.findall(r"vlab (?:start|grade|hint|solve|reset) ([a-z0-9-]+)", text))
    assert named <= catalog.exercises().keys() | {EXAMPLE}
    assert named


def test_the_versions_are_in_one_place():
    readme = (ROOT / "README.md").read_text()
    assert not re.search(r"v1\.35\.\d|0\.32\.\d", readme), "versions belong in pins.toml and go.mod"


def test_every_command_and_exercise_that_a_task_names_exists():
    from vlab import catalog

    text = "\n".join(task.page.read_text() for task in catalog.tasks().values())
    assert set(re.findall(r"(?:`|^)vlab ([a-z]+)\b", text, re.MULTILINE)) <= verbs().keys()
    named = set(re.findall(r"vlab (?:start|grade|hint|solve|reset|load) ([a-z0-9-]+)", text))
    assert named - {"eight-prompts", "record", "list"} <= catalog.exercises().keys()
    assert named
