"""A recorded run is packed slim, and judged as before."""

from datetime import UTC, datetime

import pytest

from vlab import catalog
from vlab.evidence import Collected, Evidence, Header, slim, write
from vlab.grading import grade

RECORDED = [(s, file) for s in catalog.exercises().values() for file in s.recorded.values()]


def event(uid: str, number: int) -> dict:
    return {"metadata": {"name": f"e{number}", "uid": "u"}, "involvedObject": {"uid": uid}, "reason": "Pulled"}


@pytest.fixture
def packed(tmp_path):
    header = Header(
        vlab="0",
        scenario="s",
        learner="gate",
        namespace="n",
        profile="cpu",
        started=datetime(2026, 1, 1, tzinfo=UTC),
        seconds=1.0,
        collectors={name: Collected(ok=True) for name in ("objects", "events", "logs")},
    )
    node = {
        "kind": "Node",
        "metadata": {"name": "a", "uid": "1"},
        "status": {"capacity": {"x/y": "1"}, "nodeInfo": {"kernel": "k"}},
    }
    events = [event("1", n) for n in range(100)] + [event("gone", 100)]
    parts = {"objects": {"start": [node], "now": [node]}, "events": events}
    write(tmp_path / "whole", header, parts, {"a--b.log": "".join(f"line {n}\n" for n in range(1000))})
    slim.pack(tmp_path / "whole", tmp_path / "slim.zip")
    return Evidence(tmp_path / "slim.zip")


def test_what_is_left_out(packed):
    assert [e["metadata"]["name"] for e in packed.events] == [f"e{n}" for n in range(60, 100)]
    assert packed.events[0]["reason"] == "Pulled"
    assert packed.objects[0]["status"] == {"capacity": {"x/y": "1"}}
    lines = packed.logs["a--b.log"].splitlines()
    assert (len(lines), lines[-1]) == (slim.LOG_LINES, "line 999")


def test_it_is_whole_and_unsigned(packed):
    assert str(packed.seal) == "unsigned"
    assert b"\n " not in packed.contents.files["objects.json"]


@pytest.mark.parametrize(("scenario", "file"), RECORDED, ids=lambda v: getattr(v, "id", getattr(v, "stem", v)))
def test_recorded_runs_are_judged_as_before(scenario, file, tmp_path):
    slim.pack(file, tmp_path / "slim.zip")
    before, after = (grade(Evidence(each), scenario.graders) for each in (file, tmp_path / "slim.zip"))
    assert after.checks == before.checks


def test_recorded_runs_are_small():
    """So that those of 24 scenarios fit into 15 MB."""
    known = catalog.exercises().values()
    assert sum(file.stat().st_size for _, file in RECORDED) / len(known) <= 15_000_000 / 24
