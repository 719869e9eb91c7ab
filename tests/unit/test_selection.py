"""What is lived through in bounded time: all that changed and a canary, stalest first, and the rest is said."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from vlab import catalog, freshness
from vlab.phases import ALWAYS, always, mendings
from vlab.selection import PHASE_S, Known, Spending, chosen, drawn

THEN = datetime(2026, 1, 1, tzinfo=UTC)


def known(identifier: str, changed: bool = True, days: int | None = 0, count: int = 10) -> Known:
    recorded = None if days is None else THEN + timedelta(days=days)
    return Known(identifier, ALWAYS, tuple(f"wrong-{n}" for n in range(count)), changed, recorded)


class Clock:
    """Stands still but for what is lived through."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def lived(scenarios: list[Known], minutes: float, seconds: float = PHASE_S, commit: str = "c"):
    clock = Clock()
    spending = Spending(scenarios, minutes * 60, commit, clock)
    phases: dict[str, list[str]] = {}
    for each in scenarios:
        phases[each.id] = []
        for name in spending.phases(each):
            phases[each.id].append(name)
            clock.now += seconds
    return phases, spending.not_run, clock.now - 1000.0


def test_what_changed_goes_stalest_first_and_the_canary_last():
    every = [known("b", days=2), known("new", days=None), known("same", changed=False), known("a", days=1)]
    assert [k.id for k in chosen(every, "c")] == ["new", "a", "b", "same"]


def test_the_commit_draws_the_canary():
    every = [known(name, changed=False) for name in "abcdefgh"]
    found = {chosen(every, str(commit))[0].id for commit in range(100)}
    assert found == set("abcdefgh")
    assert chosen(every, "c") == chosen(reversed(every), "c")
    assert chosen([known("a")], "c") == (known("a"),)


def test_with_time_enough_all_is_lived_through():
    phases, not_run, _ = lived([known("a"), known("b")], 60)
    assert not_run == []
    for own in phases.values():
        assert own[:3] == list(ALWAYS[:3])
        assert own[-1] == "reset"
        assert own[3:-1] == drawn((f"wrong-{n}" for n in range(10)), "c")


def test_what_there_is_no_time_for_is_said():
    phases, not_run, spent = lived([known("a"), known("b"), known("c")], 6)
    assert phases["a"] == phases["b"] == phases["c"] == list(ALWAYS)
    assert spent == 360
    assert len(not_run) == 30
    phases, not_run, _ = lived([known("a"), known("b"), known("c")], 5)
    assert phases["c"] == []
    assert not_run[-1] == "c"


def test_slow_phases_are_measured_and_what_one_leaves_the_next_one_has():
    phases, not_run, spent = lived([known("a"), known("b")], 12, seconds=60)
    assert set(ALWAYS) <= set(phases["a"])
    assert spent <= 12 * 60 + 60
    assert not_run
    phases, _, _ = lived([known("a", count=0), known("b")], 9)
    assert len(phases["b"]) == 14


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=5),
    st.floats(0, 60),
    st.floats(1, 200),
    st.text(max_size=8),
)
def test_every_phase_is_lived_through_or_said(counts, minutes, seconds, commit):
    scenarios = [known(f"s{n}", count=count) for n, count in enumerate(counts)]
    phases, not_run, _ = lived(scenarios, minutes, seconds, commit)
    for each in scenarios:
        own = phases[each.id]
        missing = [n.removeprefix(f"{each.id} ") for n in not_run if n.startswith(f"{each.id} ")]
        if own:
            assert set(own) | set(missing) == {*ALWAYS, *each.mendings}
            assert len(own) + len(missing) == len(ALWAYS) + len(each.mendings)
        else:
            assert each.id in not_run


def test_a_recorded_scenario_is_known_by_its_headers():
    for scenario in catalog.exercises().values():
        found = freshness.known(scenario)
        assert (found.always, found.mendings) == (always(scenario), mendings(scenario))
        assert found.recorded is None or found.recorded.tzinfo is not None


def test_a_scenario_of_which_one_run_was_never_recorded_has_changed():
    scenario = catalog.scenario("four-gpu-pending")
    more = scenario.model_copy(update={"wrong": {**scenario.wrong, "never-tried": scenario.expected}})
    assert freshness.known(more).changed
