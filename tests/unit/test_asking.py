"""The pure parts of asking: questions that nobody prepared for, and events made evidence."""

import json
import random

import pytest

import making
from vlab import asking
from vlab.cluster.lab import new
from vlab.errors import LabError
from vlab.evidence.api import Answer

MODELS = {"kind": "models", "url": "u", "status": 200, "body": "", "error": "", "detail": "", "seconds": 0.1}


def listing(body, **more):
    return asking._asked([{**MODELS, "body": body, **more}], "witness", "sha256:x")


def test_questions_differ_and_no_noun_comes_twice():
    draw = random.Random(1)  # noqa: S311 - the same at every run
    found = {asking.question(draw) for _ in range(200)}
    assert len(found) > 195
    assert all(q.endswith("because") for q in found)


def test_what_is_served_and_its_context_are_read_from_the_whole_list():
    body = json.dumps({"data": [{"id": f"model-{i}", "max_model_len": 4096 - i} for i in range(100)]})
    found = listing(body)
    assert len(found.served) == 100
    assert found.context == 3997
    assert len(found.models.body) <= 2000


@pytest.mark.parametrize(
    "body", ["", "no json", "[]", "{}", '{"data": null}', '{"data": [1, "x"]}', '{"data": 3}', '{"data": {"a": 1}}']
)
def test_a_list_that_is_none_serves_nothing(body):
    found = listing(body)
    assert (found.served, found.context) == ((), None)


def test_a_model_that_does_not_say_its_context_has_none():
    assert listing('{"data": [{"id": "a"}, {"id": "b", "max_model_len": "long"}]}').context is None


def test_events_become_evidence():
    answer = {**MODELS, "kind": "answer", "pod": "a", "prompt": "p", "text": "t", "model": "m", "tokens": [[1], [2]]}
    answer |= {"prompt_tokens": 1, "output_tokens": 1, "body": "x" * 9}
    counters = {"kind": "counters", "pod": "a", "before": {"c": 1.0}, "after": {"c": 2.0}}
    reference = {"kind": "reference", "gaps": [[0.0, 0.5]], "unavailable": ""}
    found = asking._asked([MODELS, counters, answer, reference], "witness", "sha256:x")
    assert found.answers[0].body == ""
    assert found.answers[0].text == "t"
    assert found.counters["a"].risen("c") == 1.0
    assert (found.gaps, found.no_reference, found.image_id) == (((0.0, 0.5),), "", "sha256:x")


def test_a_witness_that_did_not_ask_in_time_is_no_answer():
    with pytest.raises(LabError, match="did not ask in time"):
        asking._asked([{"kind": "late"}], "witness", "")


def test_where_no_weights_were_asked_that_is_said():
    assert listing("{}").no_reference == "not asked"


def test_weights_that_did_not_answer_in_time_are_not_weights_that_are_not_there():
    found = asking._asked([{**MODELS, "body": "{}"}, {"kind": "late"}], "witness", "")
    assert found.no_reference == "they did not answer in time"


def test_a_served_name_with_half_a_character_is_still_a_name():
    assert listing('{"data": [{"id": "\\ud800"}]}').served == ("?",)


class Cluster:
    """The objects that a cluster shows."""

    def __init__(self, *objects):
        self.objects = objects

    def items(self, plurals: str, namespace: str) -> list[making.Object]:
        assert namespace == making.HERE
        return [o for o in self.objects if f"{o['kind'].lower()}s" in plurals]


def test_where_nothing_is_ready_nobody_is_asked():
    found = asking.asked(Cluster(making.service()), new("x", "context", None, "cpu", 0, "c"), making.HERE, {}, print)
    assert (found.models, found.answers) == (None, ())


def serving(*pods):
    found = [making.endpoint(p, p["status"]["podIP"]) for p in pods]
    return asking.look(Cluster(*pods, making.service(), making.endpoints(*found)), making.HERE)


def test_a_change_behind_the_service_is_seen():
    a, b = making.pod("a"), making.pod("b", address="10.0.0.2")
    restarted = making.pod("a")
    restarted["status"]["containerStatuses"][0]["containerID"] = "another"
    assert asking.changed(serving(a), serving(a)) == ""
    assert asking.changed(serving(a), serving(a, b)) == "b has come meanwhile"
    assert asking.changed(serving(a, b), serving(a)).startswith("b was there")
    assert asking.changed(serving(a), serving(restarted)).startswith("a was there")


@pytest.mark.parametrize(("known", "heard"), [({"status": 500}, True), ({"error": "timeout"}, False)])
def test_what_was_not_heard_is_asked_again(known, heard):
    models = Answer(url="u", **known)
    assert asking._heard(making.asked(models=models)) is heard
    assert asking._heard(making.asked(answers=(Answer(url="u", **known),))) is heard
