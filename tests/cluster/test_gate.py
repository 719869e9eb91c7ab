"""Every exercise lives its whole life on the real cluster: red, hints, each mending, each wrong way, green."""

import pytest

from harness import SPENDING, seconds_for
from vlab import catalog, freshness, ui
from vlab.gate import run
from vlab.selection import BUDGET_MINUTES, Spending, chosen

pytestmark = [pytest.mark.cluster, pytest.mark.budgeted]

COMMIT = freshness.commit()
CHOSEN = chosen(map(freshness.known, catalog.exercises().values()), COMMIT)


@pytest.fixture(scope="module")
def spending(up, request):
    """What of its time is left, and pages have as much; what was not lived through for it is told at the end."""
    seconds = seconds_for("VLAB_GATE_MINUTES", BUDGET_MINUTES, share=0.5)
    request.config.stash[SPENDING] = Spending(CHOSEN, seconds, COMMIT)
    return request.config.stash[SPENDING]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("known", CHOSEN, ids=lambda k: k.id)
def test_the_gate(lab, clean, spending, known):
    """All that changed since it was recorded, and a canary; `make gate` lives through all."""
    with ui.Steps() as steps:
        phases = list(run(catalog.exercise(known.id), lab, steps, names=spending.phases(known)))
    assert [p for p in phases if not p.holds] == []
    if not phases:
        pytest.skip("not run: no time is left for it")
