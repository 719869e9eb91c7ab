"""What of a text is tried on a copy, and whether the load moved what was predicted; over recorded loads."""

import pytest

from vlab import catalog, evidence, trial
from vlab.errors import LabError
from vlab.rubric.trying import Attempt, attempts

CACHE = catalog.scenario("cache-saturated")
FAULTY = evidence.load(CACHE.recorded["faulty"])


def tried(change, validation="The same load again: preemptions fall to zero."):
    text = f"## Change\n{change}\n\n## Validation\n{validation}"
    return attempts(text, CACHE, FAULTY.start, FAULTY.header.parameters)


@pytest.mark.parametrize(
    ("change", "values"),
    [
        ("I would set `--num-gpu-blocks-override=400`.", {"flags": {"num-gpu-blocks-override": 400}}),
        ("Lower `--max-num-seqs` to 8; do not raise `--max-model-len`.", {"flags": {"max-num-seqs": 8}}),
        ("Run a second replica.", {"replicas": 2}),
        ("`kubectl scale deployment vllm-server --replicas=3`", {"replicas": 3}),
    ],
)
def test_a_flag_with_its_value_or_replicas_can_be_tried(change, values):
    (found,) = tried(change)
    assert found.values == {"server": values}
    assert found.predicts == {"preemptions": "down"}


@pytest.mark.parametrize("change", ["Tune the server.", "I would not raise `--max-num-seqs` to 256.", "Restart it."])
def test_what_names_no_value_or_rejects_it_cannot(change):
    assert tried(change) == []


def test_two_changes_are_two_attempts():
    assert len(tried("Set `--max-num-seqs=8` and run a second replica.")) == 2


def recorded(phase, **predicts):
    after = evidence.load(CACHE.recorded[phase])
    return trial.compared(Attempt("x", {}, predicts), after.before, after.after)


def test_a_larger_pool_moves_what_its_author_says():
    found = recorded("also-enough-blocks", preemptions="down", ttft="down", waiting="down")
    assert found.holds
    assert {m.metric: m.went for m in found.moved} == {"preemptions": "down", "ttft": "down", "waiting": "down"}


def test_fewer_sequences_do_not_shorten_the_wait_for_the_first_token():
    found = recorded("wrong-fewer-sequences", preemptions="down", ttft="down")
    assert not found.holds
    assert {m.metric: m.as_predicted for m in found.moved} == {"preemptions": True, "ttft": False}


def test_more_sequences_change_nothing_that_counts_as_moved():
    (moved,) = recorded("wrong-more-sequences", preemptions="down").moved
    assert moved.went == "nowhere"


def test_a_text_that_predicts_nothing_is_not_tried():
    with pytest.raises(LabError, match="which metric goes which way"):
        trial.predicted(Attempt("x", {}, {"shm": "up"}))
