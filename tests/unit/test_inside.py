"""What inside.py says, run by this machine's own Python beside a process that really listens."""

import json
import os
import socket
import subprocess
import sys
from importlib.resources import files

import pytest

SCRIPT = (files("vlab") / "inside.py").read_text()


def say(*folders, **env):
    command = [sys.executable, "-I", "-S", "-c", SCRIPT, *folders]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **env})
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")], ids=["IPv4", "IPv6"]
)
def test_who_listens_is_found_by_the_socket_and_not_by_its_name(family, address):
    with socket.socket(family) as listening, socket.socket(family) as bound:
        try:
            listening.bind((address, 0))
            bound.bind((address, 0))
        except OSError:
            pytest.skip("this machine has no such addresses")
        listening.listen()
        found = say()
        assert found["listeners"][str(listening.getsockname()[1])] == os.getpid()
        assert str(bound.getsockname()[1]) not in found["listeners"]
    assert str(os.getpid()) not in found["listeners"]


def test_processes_are_said_with_their_parents_and_commands():
    with subprocess.Popen(["sleep", "30"]) as child:
        try:
            processes = {p["pid"]: p for p in say()["processes"]}
        finally:
            child.kill()
    assert processes[child.pid] == {
        "pid": child.pid,
        "name": "sleep",
        "parent": os.getpid(),
        "command": ["sleep", "30"],
    }
    assert processes[os.getpid()]["parent"] == os.getppid()


def test_a_process_may_be_called_anything():
    rename = "import ctypes, sys; ctypes.CDLL(None).prctl(15, b') 0 (x y'); print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", rename]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        found = next(p for p in say()["processes"] if p["pid"] == child.pid)
        child.stdin.close()
    assert (found["name"], found["parent"]) == (") 0 (x y", os.getpid())


def test_mounts_and_shared_memory_are_those_that_are_there():
    found = say()
    shm = [m for m in found["mounts"] if m["path"] == "/dev/shm"]
    assert any(m["path"] == "/" for m in found["mounts"])
    assert all(m.keys() == {"path", "type", "source", "root"} for m in found["mounts"])
    size = os.statvfs("/dev/shm")
    assert found["shm_mib"] == round(size.f_frsize * size.f_blocks / (1 << 20), 1)
    assert all(m["type"] == "tmpfs" for m in shm)


def test_the_oldest_files_of_a_cache_are_said(tmp_path):
    for number in range(8):
        file = tmp_path / "models" / f"{number}"
        file.parent.mkdir(exist_ok=True)
        file.write_text("x")
        os.utime(file, (number, 1000 - number))
    (cache, other) = say(str(tmp_path), HF_HOME=str(tmp_path / "none"))["caches"]
    assert cache == {
        "path": str(tmp_path),
        "files": 8,
        "oldest": [[f"models/{n}", 1000.0 - n] for n in (7, 6, 5, 4, 3)],
    }
    assert other == {"path": str(tmp_path / "none"), "files": 0, "oldest": []}
