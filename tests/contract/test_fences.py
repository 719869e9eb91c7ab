"""No command on a page is left to chance: it is run by tests/cluster/test_pages.py, or the page says why it is not."""

import re
from pathlib import Path

import pytest

from vlab import catalog
from vlab.cli.verbs import verbs
from vlab.site import fences
from vlab.site.fences import COMMANDS, OUTPUT

ROOT = Path(__file__).parents[2]
PAGES = {
    str(page.relative_to(ROOT)): page.read_text()
    for page in [ROOT / "README.md", *sorted((ROOT / "site").rglob("*.md")), *sorted((ROOT / "labs").glob("*.md"))]
}
FENCES = [fence for page, text in PAGES.items() for fence in fences.fences(page, text)]
OTHER_SHELLS = {"sh", "shell", "console", "shell-session", "zsh"}
TOOLS = ("vlab", "kubectl", "make", "curl", "python3?", "pip", "uv", "docker", "podman", "git", "apt(?:-get)?", "helm")
COMMAND = re.compile(rf"^\s*(?:\$ |(?:sudo )?(?:{'|'.join(TOOLS)}) +[a-z-])", re.MULTILINE)


def places(found):
    return [f.place for f in found]


def commands_elsewhere(found):
    """Fences that hold commands, or may, and are none of bash."""
    outputs = {f.output.place for f in found if f.output}
    return [
        f
        for f in found
        if not f.language
        or f.language in OTHER_SHELLS
        or (f.language == OUTPUT and f.place not in outputs and COMMAND.search(f.content))
    ]


def test_every_fence_of_every_page_is_found():
    opened = {page: len(re.findall(r"^\s*(?:```|~~~)", text, re.MULTILINE)) for page, text in PAGES.items()}
    found = {page: 2 * sum(f.page == page for f in FENCES) for page in PAGES}
    assert found == opened


def test_commands_are_in_fences_of_bash():
    assert places(commands_elsewhere(FENCES)) == []


@pytest.mark.parametrize(
    ("page", "is_wrong"),
    [
        ("```\nvlab up\n```", True),
        ("```\nwhatever\n```", True),
        ("```console\n$ vlab up\n```", True),
        ("```text\nvlab up\n```", True),
        ("```text\n$ ls\n```", True),
        ("```text\nvllm-server 1/1 Running\n```", False),
        ("```bash\nvlab hint\n```\n\n```text\nvlab grade x\n```", False),
        ("```promql\nsum(x)\n```", False),
    ],
)
def test_commands_elsewhere_are_noticed(page, is_wrong):
    assert bool(commands_elsewhere(fences.fences("p", page))) is is_wrong


def test_what_is_not_run_has_a_reason_and_is_commands():
    given = [f for f in FENCES if f.reason is not None]
    assert places(f for f in given if len(f.reason.split()) < 3) == []
    assert places(f for f in given if f.language != COMMANDS) == []
    assert given


def test_what_is_said_about_a_fence_makes_sense():
    """A mark is for commands that are run; its number is one, its script is there, its exercise is one."""
    marked = [f for f in FENCES if f.marks and f.reason is None]
    assert places(f for f in marked if not f.is_run) == []
    assert places(f for f in marked if f.code and len(f.content.splitlines()) > 1) == []
    assert places(f for f in marked if f.beside and f.code) == []
    assert [f.yours for f in marked if f.yours and not (ROOT / f.yours).is_file()] == []
    named = {fences.exercise(text) for text in PAGES.values()} - {None}
    assert named <= catalog.exercises().keys()


def test_what_looks_like_a_mark_is_one():
    """One that is misspelt, or stands apart from its fence, would say nothing."""
    written = sum(
        len(re.findall(r"^\s*<!-- (?:not run|another terminal|exit code|yours)\b", text, re.MULTILINE))
        for text in PAGES.values()
    )
    assert written == sum(len(f.marks) for f in FENCES)


def test_an_output_is_shown_of_commands_that_are_run():
    assert places(f for f in FENCES if f.output and not f.is_run) == []
    assert places(f for f in FENCES if f.output and not f.output.content.strip()) == []


def test_a_command_that_is_run_waits_for_nobody():
    """`vlab quiz` asks, `vlab watch` shows until it is ended: the one is not run, the other in another terminal."""
    assert places(f for f in FENCES if f.is_run and re.search(r"^vlab quiz", f.content, re.MULTILINE)) == []
    endless = re.compile(r"^(?:vlab watch(?!.*(?:--until-passed|--timeout))|kubectl .*port-forward)", re.MULTILINE)
    assert places(f for f in FENCES if f.is_run and not f.beside and endless.search(f.content)) == []
    assert verbs().keys() >= {"quiz", "watch"}


def test_no_page_shows_the_folder_of_whoever_ran_it():
    assert places(f for f in FENCES if f.language == OUTPUT and re.search(r"/(?:root|tmp|home)/", f.content)) == []
