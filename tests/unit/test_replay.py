"""Recorded runs of every exercise are judged as they must be, each time alike, and take no memory along."""

from dataclasses import replace

import pytest

from memory import blocks_kept
from vlab import catalog
from vlab.altered import ALTERED
from vlab.evidence import load
from vlab.grading import checks_in, grade
from vlab.grading.run import judge
from vlab.grading.views import WITH_LOAD, Views, collectors
from vlab.model import Verdict
from vlab.phases import holds, must, must_fail, recorded_phases

EXERCISES = catalog.exercises().values()
ON_GPU = [(s, phase) for s in EXERCISES for phase in s.recorded_on("gpu")]
RECORDED = [(s, phase) for s in EXERCISES for phase in s.recorded]


@pytest.mark.parametrize(("scenario", "phase"), RECORDED, ids=lambda v: getattr(v, "id", v))
def test_recorded_runs_are_judged_as_they_must_be(scenario, phase):
    report = grade(load(scenario.recorded[phase]), scenario.graders)
    assert holds(scenario, phase, report.checks), (must(scenario, phase), [(c.id, c.verdict) for c in report.checks])


@pytest.mark.parametrize("scenario", EXERCISES, ids=lambda s: s.id)
def test_every_phase_is_recorded_and_no_other(scenario):
    assert scenario.recorded.keys() == set(recorded_phases(scenario))


@pytest.mark.parametrize(("scenario", "phase"), ON_GPU, ids=lambda v: getattr(v, "id", v))
def test_loads_of_an_engine_on_a_gpu_are_judged_as_they_must_be(scenario, phase):
    """They were sent without a cluster: only what a load decides can be told, and that without what else must hold."""
    views = Views(load(scenario.recorded_on("gpu")[phase]))
    found = [c for c in checks_in(*scenario.graders) if collectors(c) & WITH_LOAD]
    verdicts = {c.id: judge(replace(c, needs=()), views, {}).verdict for c in found}
    failing = must_fail(scenario, phase)
    assert Verdict.ERROR not in verdicts.values()
    if failing is None:
        assert set(verdicts.values()) == {Verdict.PASS}
    else:
        assert verdicts[failing] is Verdict.FAIL


def test_every_check_fails_on_some_run_as_recorded_or_altered():
    every = {each.id for s in EXERCISES for each in checks_in(*s.graders)}
    failed = {
        each.id
        for scenario, phase in RECORDED
        for each in grade(load(scenario.recorded[phase]), scenario.graders).checks
        if each.verdict is Verdict.FAIL
    }
    assert failed | {each.check for each in ALTERED} == every


def test_memory_stays_flat_over_replays():
    scenario, phase = RECORDED[0]
    grade(load(scenario.recorded[phase]), scenario.graders)

    def replays():
        for _ in range(20):
            grade(load(scenario.recorded[phase]), scenario.graders)

    assert blocks_kept(replays) < 5_000  # 20 recordings that stay are 80,000


def test_ten_gradings_of_one_recording_are_equal():
    scenario, phase = RECORDED[0]
    recorded = scenario.recorded[phase]
    reports = [grade(load(recorded), scenario.graders).model_dump(exclude={"graded_at"}) for _ in range(10)]
    assert all(r == reports[0] for r in reports)
