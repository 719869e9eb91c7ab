"""Mendings, right and wrong: every name has a script, every script a name, and bash can read it."""

import subprocess
from pathlib import Path

import pytest

from vlab import catalog, paths

EXERCISES = catalog.exercises().values()
COMMON = paths.data("scenarios") / "common"
SCRIPTS = sorted(f for part in ("labs", "scenarios") for f in paths.data(part).rglob("*.sh"))


def names(folder: Path) -> set[str]:
    return {script.parent.name for script in folder.glob("*/apply.sh")}


@pytest.mark.parametrize("scenario", EXERCISES, ids=lambda s: s.id)
class TestEveryExercise:
    def test_wrong_ones_are_its_own_and_common_ones(self, scenario):
        own = names(scenario.folder / "wrong")
        assert own <= scenario.wrong.keys() <= own | names(COMMON / "wrong")

    def test_there_are_enough_of_both(self, scenario):
        is_task = isinstance(scenario, catalog.Task)
        assert set(scenario.also) <= names(COMMON / "also")
        assert len(names(scenario.folder / "also") | set(scenario.also)) >= (2 if is_task else 4)
        assert len(scenario.wrong) >= 3

    def test_a_name_means_one_thing(self, scenario):
        assert not names(scenario.folder / "also") & set(scenario.also)
        assert not names(scenario.folder / "wrong") & names(COMMON / "wrong")


def test_every_common_mending_is_used():
    assert names(COMMON / "also") == {name for s in EXERCISES for name in s.also}
    assert names(COMMON / "wrong") <= {name for s in EXERCISES for name in s.wrong}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.parent.name)
def test_a_script_says_what_it_does_and_is_bash(script):
    assert script.read_text().startswith("# ")
    subprocess.run(["bash", "-n", script], check=True, timeout=10)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.parent.name)
def test_a_script_names_what_it_changes(script):
    """A place in a list is another one as soon as a learner, or a site, adds something."""
    assert "--type=json" not in script.read_text()
