"""The command line: what goes wrong ends in one line and a hint, with its exit code, and never in a traceback."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from vlab import cli
from vlab.cli.verbs import verbs
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
        (["upp"], Exit.USAGE, "No such command 'upp'. Did you mean 'up'?", "--help"),
        (["xyzzy"], Exit.USAGE, "No such command 'xyzzy'.", "--help"),
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


def test_every_module_that_registers_a_command_says_so_in_its_first_line():
    folder = Path(cli.__file__).parent
    modules = {f.stem for f in folder.glob("*.py") if "\ndef register(" in f.read_text()}
    assert {verb.module.rpartition(".")[2] for verb in verbs().values()} == modules


@pytest.mark.parametrize("name", verbs())
def test_a_module_registers_the_command_that_its_first_line_names(name):
    group = typer.main.get_command(cli.app)
    command = group.get_command(typer.Context(group), name)
    assert (command.name, verbs()[name].help[-1]) == (name, ".")


def test_help_imports_no_command_and_nothing_heavy():
    script = "import sys; from vlab import cli; cli.run(['--help']); print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    *shown, modules_line = out.splitlines()
    modules = set(modules_line.split())
    assert verbs().keys() <= {line.split()[0] for line in shown if line.strip()}
    assert {v.module for v in verbs().values()} & modules == set()
    assert {"pydantic", "rich", "yaml", "platformdirs"} & modules == set()


@pytest.mark.parametrize("command", ["start", "grade", "hint", "solve", "reset"])
@pytest.mark.parametrize("learner", ["../../x", "-x", "x.", "", "a" * 64, "a b"])
def test_every_command_refuses_a_name_that_no_learner_can_have(capsys, tmp_path, command, learner):
    code, _, lines = run(capsys, command, "four-gpu-pending", "--learner", learner)
    assert (code, len(lines)) == (Exit.USAGE, 2)
    assert "cannot be a learner's name" in lines[0]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_no_bug(capsys, monkeypatch, tmp_path, code):
    def full() -> None:
        raise OSError(code, "No space left", str(tmp_path / "some" / "file"))

    monkeypatch.setattr("vlab.catalog.scenarios", full)
    got, _, lines = run(capsys, "list")
    assert (got, len(lines)) == (Exit.MACHINE, 2)
    assert str(tmp_path / "some" / "file") in lines[0]
    assert "VLAB_STATE" in lines[1] and "VLAB_CACHE" in lines[1] and str(tmp_path / "cache") in lines[1]
