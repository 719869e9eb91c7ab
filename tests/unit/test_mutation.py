"""Spoilt graders are noticed by recorded runs, and what no run notices is said."""

import ast
import json
import re
import textwrap
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlab import catalog
from vlab.altered import ALTERED, altered
from vlab.cli import gate as command
from vlab.errors import Exit, LabError
from vlab.evidence import Collected, Evidence, Header, pack, write
from vlab.grading import grade
from vlab.grading.score import earned
from vlab.model import CheckResult, Verdict
from vlab.mutants import changes, used
from vlab.mutation import ENOUGH, mutate, share
from vlab.phases import holds, must_fail, phases

GRADER = """
from vlab.grading import check, expect

MOST = 2.5

@check("there", points=1, help="")
def test_there(objects):
    '''Something is there'''
    expect(objects, "something", "nothing")

@check("few", help="")
def test_few(objects):
    '''It is not much'''
    expect(len(objects) <= 3, "a few", f"{len(objects) + 1}")

@check("good", points=1, needs=["there", "few"], help="")
def test_good(objects):
    '''All of it is good'''
    expect(all(o["good"] for o in objects), "only good ones", "others")
"""

IDLE = """
@check("idle", help="")
def test_idle(objects):
    '''Nothing that any recorded run breaks'''
    expect(len(objects) < 100, "less", "more")
"""

RUNS = {
    "healthy": [{"good": True}] * 3,
    "faulty": [],
    "solved": [{"good": True}],
    "wrong-many": [{"good": True}] * 4,
    "wrong-bad": [{"good": True}, {"good": False}],
}


class Recorded(catalog.Scenario, frozen=True):
    """A scenario with a grader and recorded runs of its own."""

    at: Path

    @property
    def graders(self) -> tuple[Path, ...]:
        return (self.at / "test_it.py",)

    @property
    def recorded(self) -> dict[str, Path]:
        return {f.stem: f for f in sorted(self.at.glob("*.zip"))}


@pytest.fixture
def scenario(tmp_path):
    def make(grader: str = GRADER, runs: dict[str, list] = RUNS) -> Recorded:
        (tmp_path / "test_it.py").write_text(grader)
        for phase, objects in runs.items():
            header = Header(
                vlab="0",
                scenario="s",
                learner="gate",
                namespace="n",
                profile="cpu",
                started=datetime(2026, 1, 1, tzinfo=UTC),
                seconds=1.0,
                collectors={"objects": Collected(ok=True)},
            )
            write(tmp_path / "run", header, {"objects": {"start": [], "now": objects}})
            pack(tmp_path / "run", tmp_path / f"{phase}.zip")
        return Recorded(
            id="s",
            title="",
            task=1,
            minutes=1,
            kind="",
            fault={},
            collect=(),
            expected="there",
            wrong={"many": "few", "bad": "good"},
            at=tmp_path,
        )

    return make


def own(scenario) -> dict[str, str | None]:
    """By mutant of the scenario's own grader what noticed it."""
    mutants = [m for m in mutate([scenario]) if m.file.endswith("test_it.py")]
    return {re.sub(", line [0-9]+", "", m.name): m.noticed_by for m in mutants}


def test_every_check_is_inverted_dropped_and_needed_by_nothing(scenario):
    found = own(scenario())
    assert found["there inverted"] == "s/faulty"
    assert found["there dropped"] == "s/faulty"
    assert found["few dropped"] == "s/wrong-many"
    assert found["few needed by nothing"] == "s/wrong-many"  # it earns full marks
    assert "good needed by nothing" not in found  # it costs points itself


def test_conditions_boundaries_and_statements_are_changed_and_noticed(scenario):
    found = own(scenario())
    assert found["test_few: len(objects) <= 3 -> len(objects) < 3"] == "s/healthy"
    assert found["test_few: 3 -> 4"] == "s/wrong-many"
    assert found[next(n for n in found if n.endswith("-> nothing") and n.startswith("test_good"))] == "s/wrong-bad"
    assert found[next(n for n in found if "-> any(" in n)] == "s/wrong-bad"
    assert [n for n, by in found.items() if by is None] == ["module: 2.5 -> float('inf')"]


def test_a_check_that_no_recorded_run_needs_is_named(scenario):
    unnoticed = {n for n, by in own(scenario(GRADER + IDLE)).items() if by is None}
    assert {"idle dropped", "idle needed by nothing"} <= unnoticed


def test_the_command_is_content_with_enough(scenario):
    assert command.mutation([scenario(GRADER.replace("MOST = 2.5", ""))], as_json=False) == Exit.OK


def test_the_command_names_what_nobody_noticed(scenario, capsys):
    spoilt = scenario(GRADER + IDLE)
    assert command.mutation([spoilt], as_json=False) == Exit.CHECKS_FAILED
    assert "test_it.py: idle dropped" in capsys.readouterr().out
    assert command.mutation([spoilt], as_json=True) == Exit.CHECKS_FAILED
    assert json.loads(capsys.readouterr().out)["score"] < ENOUGH


def test_of_shared_expectations_only_what_is_used_is_changed():
    source = b"A = 1\nB = 2\ndef f(x):\n    expect(g(x), '', '')\ndef g(x):\n    return x > A\ndef h(x):\n    pass\n"
    assert used(source, {"f"}) >= {"f", "g", "A"}
    assert not used(source, {"f"}) & {"h", "B"}


def test_runs_that_the_graders_themselves_misjudge_prove_nothing(scenario):
    with pytest.raises(LabError, match="no recorded runs"):
        list(mutate([scenario(runs={})]))
    with pytest.raises(LabError, match="recorded run solved is not judged as it must be"):
        list(mutate([scenario(runs={**RUNS, "solved": []})]))


def named(code: str) -> list[str]:
    return [name.partition(": ")[2] for name, _ in changes(textwrap.dedent(code).encode(), "x.py")]


def test_words_are_left_alone_and_so_is_what_only_they_are_made_of():
    assert named("""
        def f(a):
            shown = len(a) > 3
            hint = "x" if a == 401 else None
            expect(not a, f"{a > 1}", "many" if shown else "few", hint)
    """) == ["expect(not a, f'{a > 1}', 'many' if shown else 'few', hint) -> nothing", "not a -> a"]
    assert named("def f(a) -> str:\n    return 'x' if a > 2 else 'y'") == []


def test_nothing_is_done_that_only_makes_a_grader_doubt_less():
    assert (
        named("""
        def f(a, b):
            if a or b:
                raise CannotTell("x")
    """)
        == []
    )


def test_nothing_measured_lies_on_a_boundary():
    assert named("MOST = 0.5\ndef f(a):\n    expect(a <= MOST, '', '')") == [
        "0.5 -> float('inf')",
        "expect(a <= MOST, '', '') -> nothing",
        "a <= MOST -> a > MOST",
    ]


@given(st.sampled_from(sorted(Path("graders/shared").glob("*.py"))))
def test_every_change_leaves_the_code_as_it_was(file):
    before = ast.dump(ast.parse(file.read_bytes()))
    for _ in changes(file.read_bytes(), str(file)):
        pass
    assert ast.dump(ast.parse(file.read_bytes())) == before


def results(*verdicts: Verdict) -> list[CheckResult]:
    return [CheckResult(id=str(i), title="", points=1, earned=earned(v, 1), verdict=v) for i, v in enumerate(verdicts)]


@given(st.lists(st.sampled_from(Verdict), min_size=1, max_size=5))
def test_no_run_may_be_right_and_wrong_at_once(verdicts):
    scenario = catalog.scenario("four-gpu-pending").model_copy(update={"expected": "0", "wrong": {"w": "0"}})
    judged = results(*verdicts)
    right = holds(scenario, "solved", judged)
    assert right == (set(verdicts) == {Verdict.PASS})
    assert holds(scenario, "wrong-w", judged) == holds(scenario, "faulty", judged)
    assert holds(scenario, "faulty", judged) == (verdicts[0] is Verdict.FAIL and Verdict.ERROR not in verdicts)
    assert not holds(scenario, "healthy", [])


@pytest.mark.parametrize("scenario", catalog.scenarios().values(), ids=lambda s: s.id)
def test_every_phase_has_its_rule(scenario):
    known = {must_fail(scenario, phase) for phase in phases(scenario)}
    assert known == {None, scenario.expected, *scenario.wrong.values()}


def test_recorded_runs_notice_when_graders_are_spoilt():
    """All scenarios together: a check that they share may be proven by any of them."""
    mutants = list(mutate(list(catalog.scenarios().values())))
    assert share(mutants) >= ENOUGH, [(m.file, m.name) for m in mutants if m.noticed_by is None]


@pytest.mark.parametrize(
    ("scenario", "change"),
    [(s, change) for s in catalog.exercises().values() for change in altered(s)],
    ids=lambda v: getattr(v, "id", getattr(v, "name", v)),
)
def test_altered_runs_are_judged_as_they_must_be(scenario, change):
    checks = grade(change.made(Evidence(scenario.recorded[change.of])), scenario.graders).checks
    assert change.holds(checks), [(c.id, c.verdict, c.actual or c.reason) for c in checks]


def test_every_alteration_is_made():
    assert {change for s in catalog.exercises().values() for change in altered(s)} == set(ALTERED)
