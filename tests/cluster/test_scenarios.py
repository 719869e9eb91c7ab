"""A learner's way through exercises: each command does what it says."""

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.cluster


def test_a_learners_way_from_red_to_green(clean, vlab, tmp_path):
    started = vlab("start", "four-gpu-pending", "--json")
    assert started.returncode == 0, started.stderr
    folder = Path(json.loads(started.stdout)["folder"])
    assert (folder / "answers").is_dir()

    red = vlab("grade", "four-gpu-pending", "--json")
    assert red.returncode == 1
    verdicts = {c["id"]: c for c in json.loads(red.stdout)["checks"]}
    assert verdicts["server-ready"]["verdict"] == "fail"
    assert "Insufficient nvidia.com/gpu" in verdicts["server-ready"]["actual"]
    assert verdicts["server-ready"]["help"]

    hints = [vlab("hint", "four-gpu-pending").stdout for _ in range(4)]
    assert len(set(hints[:3])) == 3
    assert hints[3] == hints[2]

    assert vlab("solve", "four-gpu-pending").returncode == 0
    green = vlab("grade", "four-gpu-pending", "--json", "--junit", tmp_path / "report.xml")
    assert green.returncode == 0, green.stdout
    assert json.loads(green.stdout)["passed"]
    assert 'failures="0"' in (tmp_path / "report.xml").read_text()

    answer = vlab("ask", "In one sentence, what is a GPU?", "--max-tokens", "40")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip()
    refused = vlab("ask", "x", "--model", "nobody/nothing")
    assert refused.returncode == 2
    assert "nobody/nothing" in refused.stderr
    loaded = vlab("load", "eight-prompts", "--json")
    assert loaded.returncode == 0, loaded.stderr
    assert json.loads(loaded.stdout)["total"]["succeeded"] == 8

    evidence = max((folder / "gradings").iterdir()) / "evidence"
    replayed = vlab("grade", "four-gpu-pending", "--evidence", evidence, "--json")
    assert replayed.returncode == 0
    again = {c["id"]: c["verdict"] for c in json.loads(replayed.stdout)["checks"]}
    assert again == {c["id"]: c["verdict"] for c in json.loads(green.stdout)["checks"]}

    assert vlab("reset", "four-gpu-pending").returncode == 0
    assert vlab("grade", "four-gpu-pending").returncode == 1


def test_a_learners_way_through_a_task(cluster, clean, vlab):
    started = vlab("start", "gpu-scheduling", "--learner", "eve", "--json")
    assert started.returncode == 0, started.stderr
    note = Path(json.loads(started.stdout)["folder"]) / "answers" / "gpu-scheduling.md"
    template = note.read_text()
    assert cluster.find("namespaces", "llm-demo") is None
    assert vlab("grade", "gpu-scheduling", "--learner", "eve").returncode == 1

    solved = vlab("solve", "gpu-scheduling", "--learner", "eve")
    assert solved.returncode == 0, solved.stderr
    assert note.read_text() == template
    red = vlab("grade", "gpu-scheduling", "--learner", "eve", "--json")
    assert {c["id"] for c in json.loads(red.stdout)["checks"] if c["verdict"] == "fail"} == {"gpus-noted"}

    note.write_bytes((note.parents[1] / "solution" / note.name).read_bytes())
    assert vlab("start", "gpu-scheduling", "--learner", "eve").returncode == 0
    assert note.read_text() != template
    assert vlab("grade", "gpu-scheduling", "--learner", "eve").returncode == 0
    for content in (b"\x00\x01" * 1000, b"x" * (10 << 20)):
        note.write_bytes(content)
        assert vlab("grade", "gpu-scheduling", "--learner", "eve").returncode == 1
    assert vlab("reset", "gpu-scheduling", "--learner", "eve").returncode == 0
    assert cluster.find("namespaces", "llm-demo") is None


def test_starting_twice_changes_nothing_and_another_learner_is_not_overrun(cluster, clean, vlab):
    assert vlab("start", "four-gpu-pending").returncode == 0
    uid = cluster.find("deployments", "vllm-server", "llm-demo")["metadata"]["uid"]
    assert vlab("start", "four-gpu-pending").returncode == 0
    assert cluster.find("deployments", "vllm-server", "llm-demo")["metadata"]["uid"] == uid
    other = vlab("start", "four-gpu-pending", "--learner", "ada")
    assert other.returncode == 2
    assert "--replace" in other.stderr
    assert cluster.find("deployments", "vllm-server", "llm-demo")["metadata"]["uid"] == uid


def test_a_namespace_that_is_not_ours_is_left_alone(cluster, vlab):
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "somebody-elses"}})
    try:
        refused = vlab("start", "four-gpu-pending", "--namespace", "somebody-elses", "--replace")
        assert refused.returncode == 7
        assert "was not made by this lab" in refused.stderr
        assert cluster.items("deployments,services,pods", "somebody-elses") == []
    finally:
        cluster.delete("namespaces", "somebody-elses")


def test_grading_after_the_learner_deleted_the_namespace(cluster, clean, vlab):
    assert vlab("start", "four-gpu-pending").returncode == 0
    cluster.delete("namespaces", "llm-demo")
    cluster.gone("namespaces", "llm-demo")
    graded = vlab("grade", "four-gpu-pending", "--json")
    assert graded.returncode == 1, graded.stderr
    assert not json.loads(graded.stdout)["passed"]
    assert vlab("reset", "four-gpu-pending").returncode == 0
    assert cluster.find("deployments", "vllm-server", "llm-demo")


def test_an_exercise_that_is_measured(clean, vlab, tmp_path):
    started = vlab("start", "ingress-buffered", "--learner", "eve", "--json")
    assert started.returncode == 0, started.stderr
    before = json.loads(started.stdout)["before"]
    assert before, started.stdout
    again = vlab("start", "ingress-buffered", "--learner", "eve", "--json")
    assert json.loads(again.stdout)["before"] == before

    red = vlab("grade", "ingress-buffered", "--learner", "eve", "--json")
    assert red.returncode == 1
    assert {c["id"] for c in json.loads(red.stdout)["checks"] if c["verdict"] == "fail"} == {"tokens-flow"}

    assert vlab("solve", "ingress-buffered", "--learner", "eve").returncode == 0
    page = tmp_path / "report.html"
    green = vlab("grade", "ingress-buffered", "--learner", "eve", "--json", "--html", page)
    assert green.returncode == 0, green.stdout
    assert "<svg" in page.read_text()


@pytest.mark.budgeted(minutes=8)  # four loads: as long as this on a slow processor
def test_a_change_is_tried_on_a_copy_and_what_is_written_is_graded_apart(cluster, clean, vlab):
    started = vlab("start", "cache-saturated", "--learner", "eve", "--json")
    assert started.returncode == 0, started.stderr
    answers = Path(json.loads(started.stdout)["folder"]) / "answers"
    assert {f.name for f in answers.iterdir()} == {"diagnosis.md", "recommendation.md"}
    refused = vlab("validate-change", "cache-saturated", "--learner", "eve")
    assert refused.returncode == 2 and "hint:" in refused.stderr

    (answers / "recommendation.md").write_text(
        "## Change\nSet `--num-gpu-blocks-override=600`.\n\n## Validation\n"
        "The same load again: preemptions fall to zero and p95 time to first token comes down.\n"
    )
    tried = vlab("validate-change", "cache-saturated", "--learner", "eve", "--json")
    assert tried.returncode == 0, tried.stderr
    assert {m["metric"]: m["went"] for m in json.loads(tried.stdout)["moved"]} == {
        "preemptions": "down",
        "ttft": "down",
    }
    assert cluster.find("namespaces", "llm-demo-try") is None

    (answers / "diagnosis.md").write_text(
        "## Failing layer\nCache.\n\n## Evidence\nRequests were preempted, and the queue was long.\n\n"
        "## Ruled out\nScheduling: the pod had its node at once.\n"
    )
    (answers / "recommendation.md").unlink()
    red = vlab("grade", "cache-saturated", "--learner", "eve", "--json")
    assert red.returncode == 1
    (diagnosis,) = json.loads(red.stdout)["apart"]
    assert (diagnosis["title"], diagnosis["passed"]) == ("diagnosis", True)
