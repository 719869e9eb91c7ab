"""The command line: what goes wrong ends in one line and a hint, with its exit code, and never in a traceback."""

import json

import pytest

from vlab import cli
from vlab.errors import Exit


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("VLAB_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("VLAB_CACHE", str(tmp_path / "cache"))


def run(capsys, *arguments: str) -> tuple[int, str, list[str]]:
    code = cli.run(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err.strip().splitlines()


@pytest.mark.parametrize(
    ("arguments", "code", "error", "hint"),
    [
        (["start", "four-gpu-pendin"], Exit.USAGE, "no scenario is called", "did you mean four-gpu-pending?"),
        (["grade", "four-gpu-pending"], Exit.NO_LAB, "no lab 'vlab' is up", "run `vlab up` first"),
        (["ask", "Hello?"], Exit.NO_LAB, "no lab 'vlab' is up", "run `vlab up` first"),
        (["env", "--name", "x"], Exit.NO_LAB, "no lab 'x' is up", "run `vlab up --name x` first"),
        (["hint", "four-gpu-pending"], Exit.NO_LAB, "no lab 'vlab' is up", "run `vlab up` first"),
        (["up", "--name", "Not_A_Name"], Exit.USAGE, "cannot be a lab's name", "lower-case"),
        (["up", "--profile", "tpu"], Exit.USAGE, "no profile is called tpu", "cpu, gpu"),
        (["up", "--provider", "vagrant"], Exit.USAGE, "no provider is called vagrant", "kind-built"),
        (["up", "--workers", "0"], Exit.USAGE, "workers", "vlab up --help"),
        (["upp"], Exit.USAGE, "No such command", "--help"),
        (["up", "--nmae", "x"], Exit.USAGE, "No such option", "vlab up --help"),
        (["grade", "four-gpu-pending", "--evidence", "/nowhere"], Exit.USAGE, "holds no evidence", "vlab grade"),
    ],
)
def test_errors_are_one_line_and_a_hint(capsys, arguments, code, error, hint):
    got, out, lines = run(capsys, *arguments)
    assert got == code
    assert out == ""
    assert len(lines) == 2
    assert lines[0].startswith("error: ") and error in lines[0]
    assert lines[1].startswith("hint: ") and hint in lines[1]


def test_down_with_nothing_up_is_no_error(capsys):
    code, out, lines = run(capsys, "down")
    assert (code, out, lines) == (Exit.OK, "", ["no lab vlab was up"])


def test_list_is_machine_readable(capsys):
    code, out, _ = run(capsys, "list", "--json")
    assert code == Exit.OK
    assert "four-gpu-pending" in [row["id"] for row in json.loads(out)]


def test_status_without_a_lab(capsys):
    code, out, _ = run(capsys, "status", "--json")
    assert (code, json.loads(out)) == (Exit.OK, [])


def test_a_bug_is_kept_in_a_file_and_said_in_two_lines(capsys, monkeypatch, tmp_path):
    def broken() -> None:
        raise RuntimeError("surprise")

    monkeypatch.setattr("vlab.catalog.scenarios", broken)
    code, _, lines = run(capsys, "list")
    assert code == 70
    assert len(lines) == 2 and "surprise" in lines[0]
    assert "RuntimeError" in next((tmp_path / "state" / "logs").glob("bug-*.log")).read_text()
