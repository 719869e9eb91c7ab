"""A program in a learner's place: what it sees, and that its time ends. Bubblewrap is installed by the Makefile."""

import json
from pathlib import Path

import pytest

from vlab import agents, sandbox

pytestmark = pytest.mark.cluster

LOOKS_AROUND = f"""
ls {Path(__file__).parents[2]} && echo FOUND
ls "{Path.home()}" && echo FOUND
kubectl get pods --all-namespaces && echo FOUND
kubectl get secrets --namespace vlab-system && echo FOUND
env | grep -v -e KUBECONFIG -e HOME -e PATH -e PWD -e OLDPWD -e SHLVL -e '^_=' && echo FOUND
kubectl get pods && kubectl auth can-i patch deployments && test -s brief.md && echo IN ITS PLACE
echo 'Layer: scheduler' > answers/diagnosis.md
echo '{{"usd": 0.5}}' > cost.json
"""


def test_a_program_finds_a_learners_place_and_no_more(lab, vlab):
    done = vlab(
        "agent", "four-gpu-pending", "--as", "looks-around", "--command", LOOKS_AROUND, "--json", "--minutes", "3"
    )
    assert done.returncode == 1, done.stderr
    scored = json.loads(done.stdout)[-1]
    place = agents.folder("looks-around")
    (transcript,) = sorted(place.glob(f"*/{scored['started'].translate({ord('-'): None, ord(':'): None})}/*.jsonl"))
    said = "".join(json.loads(line)["text"] for line in transcript.read_text().splitlines())
    assert "FOUND" not in said and "IN ITS PLACE" in said, said
    assert scored["exit_code"] == 0 and scored["cost"] == {"usd": 0.5} and not scored["passed"]
    assert "diagnosis" in scored["apart"]
    assert not list(place.rglob("kubeconfig"))


def test_its_time_ends_with_all_that_it_started(tmp_path):
    heard = []
    ended = sandbox.run(
        tmp_path,
        ["sh", "-c", "(sleep 987654 &); echo begun; exec sleep 987654"],
        env={}, shown={}, seconds=2.0, heard=lambda _, text: heard.append(text),
    )  # fmt: skip
    assert ended.exit_code is None and heard == ["begun\n"]
    running = [p.read_bytes() for p in Path("/proc").glob("[0-9]*/cmdline") if p.exists()]
    assert not [line for line in running if b"987654" in line and b"sleep" in line.split(b"\0")[0]]


def test_keys_are_on_no_command_line(tmp_path):
    heard = []
    sandbox.run(
        tmp_path,
        ["sh", "-c", "echo $KEY; cat /proc/1/cmdline | tr '\\0' ' '"],
        env={"KEY": "s3cret"}, shown={}, seconds=20.0, heard=lambda _, text: heard.append(text),
    )  # fmt: skip
    assert "".join(heard).count("s3cret") == 1
