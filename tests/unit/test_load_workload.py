"""Workload files: what is refused and with which words, and what the traffic of a workload is."""

import statistics
from itertools import pairwise, takewhile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlab.errors import LabError
from vlab.load import traffic, workload
from vlab.load.workload import Workload

GOOD = """
duration_seconds: 10
classes:
  - name: chat
    arrival: {loop: closed, users: 2}
    prompt: {words: 12}
    output_tokens: 8
"""


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (changed("users: 2", "users: 0"), "classes[0].arrival.users: input should be greater", "chat.yaml"),
        (
            changed("closed, users: 2", "open, rate: -1.5"),
            "classes[0].arrival.rate: input should be",
            "chat.yaml",
        ),
        (
            changed("closed, users: 2", "open, rate: .inf"),
            "classes[0].arrival.rate: input should be",
            "chat.yaml",
        ),
        (changed("users: 2", "user: 2"), "classes[0].arrival: unknown key 'user'", "did you mean 'users'?"),
        (
            changed("duration_seconds", "duration"),
            "unknown key 'duration'",
            "did you mean 'duration_seconds'?",
        ),
        (changed("name: chat", "nom: chat"), "classes[0]: unknown key 'nom'", "known here: name, arrival"),
        (changed("name: chat", "name: a b"), "classes[0].name: string should match", "chat.yaml"),
        (changed("loop: closed, ", ""), "classes[0].arrival: unable to extract tag", "chat.yaml"),
        (
            changed("{words: 12}", "{words: true}"),
            "classes[0].prompt.words.value: input should be",
            "chat.yaml",
        ),
        (changed("{words: 12}", "{}"), "classes[0].prompt: needs either words or texts", "chat.yaml"),
        (changed("{words: 12}", "{words: 3, texts: [a]}"), "classes[0].prompt: needs either", "chat.yaml"),
        (changed("{words: 12}", "{texts: []}"), "classes[0].prompt.texts: tuple should have", "chat.yaml"),
        (
            changed("{words: 12}", "{words: {distribution: uniform, low: 9, high: 2}}"),
            "classes[0].prompt.words: low is above high",
            "chat.yaml",
        ),
        (
            changed("duration_seconds: 10", ""),
            "without duration_seconds, each class needs requests",
            "chat.yaml",
        ),
        (changed("duration_seconds: 10", "duration_seconds: 9999"), "above run_timeout_seconds", "chat.yaml"),
        (GOOD + GOOD.partition("classes:")[2], "two classes have the same name", "chat.yaml"),
        ("classes: [", "is not YAML: line 1", "correct line 1"),
        ("a: &a [x]\nb: [*a, *a]", "aliases (*name) are not supported", "chat.yaml"),
        ("[" * 500, "is not YAML", "chat.yaml"),
        ("just words", "is not a workload", "chat.yaml"),
        ("", "is not a workload", "chat.yaml"),
        (b"\x00\xff\xfe", "is not YAML", "chat.yaml"),
    ],
    ids=lambda value: str(value)[-40:],
)
def test_a_wrong_workload_gets_one_line_and_a_cure(text: str | bytes, message: str, hint: str) -> None:
    with pytest.raises(LabError) as caught:
        workload.parse(text, "my.yaml")
    assert caught.value.message.startswith("my.yaml")
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert hint in caught.value.hint


def test_a_name_that_is_nearly_one_gets_that_one() -> None:
    with pytest.raises(LabError, match="no workload and no file") as caught:
        workload.find("eight-promts")
    assert caught.value.hint == "did you mean 'eight-prompts'?"


def test_a_file_of_another_kind_is_refused_by_its_size(tmp_path: Path) -> None:
    big = tmp_path / "big.yaml"
    big.write_bytes(b"x" * (300 * 1024))
    with pytest.raises(LabError, match="over 256 KiB"):
        workload.find(str(big))


def test_every_packaged_workload_is_valid_and_has_a_title() -> None:
    assert {"eight-prompts", "chat", "batch", "mixed", "saturate"} <= set(workload.packaged())
    for name in workload.packaged():
        assert workload.find(name).title


def test_the_eight_prompts_are_eight_at_once() -> None:
    (only,) = workload.find("eight-prompts").classes
    assert only.requests == 8
    assert only.prompt.texts is not None
    assert len(set(only.prompt.texts)) == 8


def fresh(text: str = GOOD) -> Workload:
    return workload.parse(text, "test")


def prompts(w: Workload, nonce: str, n: int = 20) -> list[str]:
    return [str(traffic.build(w, w.classes[0], i, nonce).content["prompt"]) for i in range(n)]


def test_prompts_are_new_in_every_run_and_lengths_are_not() -> None:
    w = fresh(changed("{words: 12}", "{words: {distribution: uniform, low: 20, high: 90}}"))
    one, two = prompts(w, "one"), prompts(w, "two")
    assert not set(one) & set(two)
    assert len(set(one)) == len(one)
    assert [len(p.split()) for p in one] == [len(p.split()) for p in two]
    assert prompts(w, "one") == one


def test_literal_prompts_are_new_too_unless_they_are_to_repeat() -> None:
    text = changed("{words: 12}", "{texts: ['why?', 'how?']}")
    assert len(set(prompts(fresh(text), "one") + prompts(fresh(text), "two"))) == 40
    assert prompts(fresh("prompts: repeat" + text), "", 3) == ["why?", "how?", "why?"]


def test_a_shared_prefix_is_one_within_a_run_and_another_in_the_next() -> None:
    w = fresh(changed("{words: 12}", "{words: 5, shared_prefix: {words: 30, share: 0.5}}"))
    one = [p.partition("\n")[0] for p in prompts(w, "one", 400) if "\n" in p]
    assert len(set(one)) == 1
    assert len(one[0].split()) == 30
    assert 0.4 < len(one) / 400 < 0.6
    assert one[0] not in {p.partition("\n")[0] for p in prompts(w, "two")}


def test_chat_puts_the_shared_prefix_into_the_system_message() -> None:
    text = changed("{words: 12}", "{words: 5, shared_prefix: {words: 30}}\n    api: chat")
    request = traffic.build(fresh(text), fresh(text).classes[0], 0, "n")
    assert request.path == "/v1/chat/completions"
    assert [m["role"] for m in request.content["messages"]] == ["system", "user"]
    assert request.content["max_tokens"] == 8
    assert request.content["ignore_eos"] is True
    assert request.content["stream_options"] == {"include_usage": True}


def open_loop(rate: float, seed: int) -> Workload:
    return fresh(changed("closed, users: 2", f"open, rate: {rate}") + f"seed: {seed}")


@settings(max_examples=40)
@given(rate=st.floats(0.5, 200), seed=st.integers(0, 2**32))
def test_poisson_arrivals_have_their_rate_and_no_memory(rate: float, seed: int) -> None:
    w = open_loop(rate, seed)
    window = 1000 / rate
    times = list(takewhile(lambda t: t < window, traffic.arrivals(w, w.classes[0])))
    assert times == sorted(times)
    assert abs(len(times) - 1000) < 6 * 1000**0.5  # six standard deviations
    gaps = [b - a for a, b in pairwise(times)]
    assert 0.7 < statistics.pstdev(gaps) / statistics.fmean(gaps) < 1.4  # 1 for exponential gaps


def test_arrivals_follow_from_the_seed() -> None:
    def first(seed: int) -> float:
        w = open_loop(2.0, seed)
        return next(traffic.arrivals(w, w.classes[0]))

    assert first(1) == first(1) != first(2)


@settings(max_examples=40)
@given(
    st.one_of(
        st.builds(dict, distribution=st.just("fixed"), value=st.integers(1, 500)),
        st.builds(dict, distribution=st.just("uniform"), low=st.integers(1, 50), high=st.integers(50, 500)),
        st.builds(
            dict,
            distribution=st.just("lognormal"),
            median=st.integers(1, 500),
            sigma=st.floats(0.1, 3),
            max=st.integers(1, 500),
        ),
    )
)
def test_lengths_stay_in_their_bounds(length: dict[str, float]) -> None:
    w = fresh(changed("{words: 12}", f"{{words: {length}}}").replace("'", ""))
    for prompt in prompts(w, "n", 5):
        assert length.get("low", 1) <= len(prompt.split()) <= length.get("high", length.get("max", 500))
