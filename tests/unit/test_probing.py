"""What is seen inside of pods, as far as it decides whether to look again."""

import json

from vlab.evidence import Probe
from vlab.probing import without_core

SERVER = {"pid": 1, "name": "python3", "parent": 0, "command": ["python3", "-m", "vllm.entrypoints.cli.main", "serve"]}
CORE = {"pid": 2, "name": "VLLM::EngineCor", "parent": 1, "command": ["VLLM::EngineCore"]}
OTHER = {"pid": 1, "name": "pause", "parent": 0, "command": ["/pause"]}


def probe(*processes, exit_code=0):
    said = json.dumps({"processes": processes}) if exit_code == 0 else ""
    return Probe(name="inside", pod="a", container="c", command=(), exit_code=exit_code, stdout=said, stderr="")


def test_a_server_whose_engine_was_just_killed_is_looked_at_again():
    assert without_core([probe(SERVER)])
    assert without_core([probe(SERVER, CORE), probe(SERVER)])


def test_a_whole_engine_a_bystander_and_a_container_without_python_are_not():
    assert not without_core([probe(SERVER, CORE), probe(OTHER), probe(exit_code=1)])
    assert not without_core([])
