"""benchmarks/margins.py: what is between a right mending and a wrong one."""

import pytest

from margins import FIGURES, gap, shares
from vlab import catalog


def test_shares_are_those_of_the_unluckiest_loads():
    assert shares(FIGURES["preemptions-gone"], [1.0, 2.0], [10.0, 20.0]) == (0.05, 0.2)
    assert shares(FIGURES["tokens-flow"], [0.5, 1.0], [0.1]) == (0.5, 1.0)


@pytest.mark.parametrize(("right", "enough"), [([1.0, 2.0], True), ([5.0, 9.5], False)])
def test_a_gap_is_enough_when_it_is_twice_the_spread(right, enough):
    cache = catalog.scenario("cache-saturated")
    by_phase = {"faulty": [10.0, 10.0], "solved": right, "wrong-restart-only": [10.0, 11.0], "also-statefulset": []}
    found = gap(cache, "preemptions-gone", by_phase)
    assert found is not None
    assert (found["worst_right"], found["best_wrong"]) == ("solved", "wrong-restart-only")
    assert found["enough"] is enough


def test_what_must_be_kept_is_worst_where_it_is_least():
    cache = catalog.scenario("cache-saturated")
    by_phase = {"faulty": [10.0], "solved": [11.0, 8.0], "wrong-slower-and-empty": [2.0, 3.0]}
    found = gap(cache, "throughput-kept", by_phase)
    assert found is not None
    assert (found["at"], found["wrong_at"], found["gap"]) == (0.8, 0.3, 0.5)
