"""Which steps of the first build decided how long it took, and whose the CPU time was."""

import itertools
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from first_build import Cpu, Recorded, Row, beside, critical_path, figures, last_of
from vlab.build.pipeline import Pipeline, Step

# The first build of 2026-11-25 on two cores, as the logs of its steps tell it.
FIRST_BUILD = [
    Row("install", 0, 6),
    Row("containerd", 6, 103, ("install",)),
    Row("engine-root", 6, 47, ("install",)),
    Row("tools-root", 6, 40, ("install",)),
    Row("engine-site", 47, 105, ("engine-root",)),
    Row("binaries", 103, 327, ("containerd",)),
    Row("engine-models", 105, 146, ("engine-root", "engine-site")),
    Row("engine-store", 146, 257, ("containerd", "engine-root", "engine-site", "engine-models")),
    Row("host", 327, 327, ("binaries",)),
    Row("node", 327, 345, ("binaries",)),
    Row("store", 327, 336, ("binaries", "engine-store", "tools-root")),
    Row("clean-up", 345, 358, ("host", "node", "store")),
    Row("import", 358, 366, ("clean-up",)),
]


@st.composite
def builds(draw) -> list[Row]:
    """Rows as a pipeline makes them: each begins when all that it needs have ended, or later."""
    rows: list[Row] = []
    seconds = st.floats(0, 1000)
    for number in range(draw(st.integers(1, 12))):
        needs = draw(st.lists(st.sampled_from(rows), unique=True)) if rows else []
        start = max((n.end for n in needs), default=0.0) + draw(seconds)
        rows.append(Row(str(number), start, start + draw(seconds), tuple(n.name for n in needs)))
    return draw(st.permutations(rows))


@given(builds())
def test_the_chain_is_one_by_needs_and_ends_last(rows):
    chain = [link.row for link in critical_path(rows)]
    assert chain[-1].end == max(row.end for row in rows)
    by_name = {row.name: row for row in rows}
    for before, after in itertools.pairwise(chain):
        assert before.name in after.needs
        assert before.end == max(by_name[name].end for name in after.needs)
    assert chain[0].needs == ()


@given(builds())
def test_with_its_gaps_the_chain_is_as_long_as_it_took_and_never_shorter_than_a_step(rows):
    path = critical_path(rows)
    worked, waited = sum(link.row.seconds for link in path), sum(link.gap for link in path)
    wall = max(row.end for row in rows)
    assert all(link.gap >= 0 for link in path)
    assert worked + waited == pytest.approx(wall)
    assert worked <= wall + 1e-6
    assert worked + waited >= max(row.seconds for row in rows) - 1e-6


@given(builds())
def test_where_nothing_waits_but_for_needs_the_chain_is_all_work_and_the_longest(rows):
    ends: dict[str, float] = {}
    tight = []
    for row in sorted(rows, key=lambda r: int(r.name)):
        start = max((ends[n] for n in row.needs), default=0.0)
        tight.append(Row(row.name, start, start + row.seconds, row.needs))
        ends[row.name] = tight[-1].end
    worked = sum(link.row.seconds for link in critical_path(tight))
    assert worked == pytest.approx(max(ends.values()))
    assert worked >= max(row.seconds for row in tight) - 1e-6


def test_the_chain_of_a_real_first_build():
    path = critical_path(FIRST_BUILD)
    assert [link.row.name for link in path] == ["install", "containerd", "binaries", "node", "clean-up", "import"]
    assert {link.gap for link in path} == {0}


def test_no_step_is_no_chain_and_a_need_that_was_built_before_is_none():
    assert critical_path([]) == []
    assert [link.gap for link in critical_path([Row("store", 2, 3, ("binaries",))])] == [2]


def test_what_ran_beside_a_step_and_for_how_long():
    binaries = next(row for row in FIRST_BUILD if row.name == "binaries")
    assert beside(binaries, FIRST_BUILD) == {"engine-store": 111, "engine-models": 41, "engine-site": 2}


def test_who_waits_for_the_last_ones_waits_for_all():
    assert last_of(FIRST_BUILD[:11]) == ("host", "node", "store")


def recorded(*steps: Step) -> Recorded:
    return Recorded({s.title: s.name for s in steps}, {s.name: tuple(n.name for n in s.needs) for s in steps}, Cpu())


def test_a_real_pipeline_is_recorded_with_what_came_before_and_after_it(tmp_path):
    first = Step("first", "The first", lambda _: None, {})
    last = Step("last", "The last", lambda _: None, {}, (first,))
    record = recorded(first, last)
    with record:
        with record.step("Install podman"):
            pass
        Pipeline(tmp_path, tmp_path).ensure([last], record)
        with record.step("Create the cluster"):
            pass
    path = critical_path(record.rows)
    assert [link.row.name for link in path] == ["Install podman", "first", "last", "Create the cluster"]
    found = figures(record.rows, path[-1].row.end + 1, {"all of it": 90.0})
    assert found["after_it_s"] == 1.0
    assert found["cpu_min"] == {"all of it": 1.5}
    assert [step["needs"] for step in found["steps"]] == [(), ("Install podman",), ("first",), ("last",)]


BURN = "import time\nwhile time.process_time() < 0.4: pass"


def test_cpu_time_is_charged_to_the_step_that_spent_it_though_others_run_beside_it(tmp_path, monkeypatch):
    def burns(_) -> None:
        # What a process has waited for is its own.
        subprocess.run(["sh", "-c", '"$0" -c "$1"; true', sys.executable, BURN], check=True)

    def idles(_) -> None:
        assert subprocess.run(["echo", "said"], capture_output=True, text=True, timeout=20).stdout == "said\n"

    steps = Step("burns", "Burns", burns, {}), Step("idles", "Idles", idles, {})
    record = recorded(*steps)
    monkeypatch.setattr(subprocess, "Popen", record._cpu.metered())
    with record:
        Pipeline(tmp_path, tmp_path).ensure(steps, record)
    cpu = {row.name: row.cpu_s for row in record.rows}
    assert cpu["burns"] >= 0.4
    assert cpu["idles"] < 0.2


def test_a_metered_process_still_has_its_time_limit(monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", Cpu().metered())
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(["sleep", "20"], timeout=0.1)
    assert subprocess.run(["false"]).returncode == 1
