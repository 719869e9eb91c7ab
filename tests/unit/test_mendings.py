"""Mendings, right and wrong: every name has a script, every script a name, and bash can read it."""

import subprocess
from pathlib import Path

import pytest

from vlab import catalog, paths

SCENARIOS = catalog.scenarios().values()
COMMON = paths.data("scenarios") / "common"


def names(folder: Path) -> set[str]:
    return {script.parent.name for script in folder.glob("*/apply.sh")}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.id)
class TestEveryScenario:
    def test_wrong_ones_are_its_own_and_common_ones(self, scenario):
        own = names(scenario.folder / "wrong")
        assert own <= scenario.wrong.keys() <= own | names(COMMON / "wrong")

    def test_right_ones_are_at_least_four(self, scenario):
        assert set(scenario.also) <= names(COMMON / "also")
        assert len(names(scenario.folder / "also") | set(scenario.also)) >= 4

    def test_a_name_means_one_thing(self, scenario):
        assert not names(scenario.folder / "also") & set(scenario.also)
        assert not names(scenario.folder / "wrong") & names(COMMON / "wrong")


def test_every_common_mending_is_used():
    assert names(COMMON / "also") == {name for s in SCENARIOS for name in s.also}
    assert names(COMMON / "wrong") <= {name for s in SCENARIOS for name in s.wrong}


@pytest.mark.parametrize("script", sorted(paths.data("scenarios").rglob("*.sh")), ids=lambda p: p.parent.name)
def test_a_script_says_what_it_does_and_is_bash(script):
    assert script.read_text().startswith("# ")
    subprocess.run(["bash", "-n", script], check=True, timeout=10)


@pytest.mark.parametrize("script", sorted(paths.data("scenarios").rglob("*.sh")), ids=lambda p: p.parent.name)
def test_a_script_names_what_it_changes(script):
    """A place in a list is another one as soon as a learner, or a site, adds something."""
    assert "--type=json" not in script.read_text()
