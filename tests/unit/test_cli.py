"""The command line: what goes wrong ends in one line and a hint, with its exit code, and never in a traceback."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from vlab import catalog, cli
from vlab.cli.verbs import verbs
from vlab.cluster import lab as labs
from vlab.cluster.containers import Engine
from vlab.errors import Exit, LabError


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
        (["start", "four-gpu-pendin"], Exit.USAGE, "no exercise is called", "did you mean four-gpu-pending?"),
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
@pytest.mark.parametrize("wrapped", ["", "cause", "group"])
def test_a_full_disk_is_no_bug(capsys, monkeypatch, tmp_path, code, wrapped):
    def full() -> None:
        error = OSError(code, "No space left", str(tmp_path / "some" / "file"))
        if wrapped == "group":
            raise ExceptionGroup("two", [ValueError(), error])
        if wrapped == "cause":
            raise RuntimeError from error
        raise error

    monkeypatch.setattr("vlab.catalog.scenarios", full)
    got, _, lines = run(capsys, "list")
    assert (got, len(lines)) == (Exit.MACHINE, 2)
    assert str(tmp_path / "some" / "file") in lines[0]
    assert "VLAB_STATE" in lines[1] and "VLAB_CACHE" in lines[1] and str(tmp_path / "cache") in lines[1]


def test_an_error_prints_whole(capsys, monkeypatch):
    def fails() -> None:
        raise LabError("cannot read [/etc/x]", "[spec.x: Invalid value]")

    monkeypatch.setattr("vlab.catalog.scenarios", fails)
    assert run(capsys, "list")[2] == ["error: cannot read [/etc/x]", "hint: [spec.x: Invalid value]"]


def test_a_bug_without_a_place_for_its_log_is_still_two_lines(capsys, monkeypatch, tmp_path):
    def broken() -> None:
        raise RuntimeError("surprise")

    (tmp_path / "state").write_text("no folder")
    monkeypatch.setattr("vlab.catalog.scenarios", broken)
    code, _, lines = run(capsys, "list")
    assert (code, len(lines)) == (70, 2)
    assert "surprise" in lines[0] and "cannot be written" in lines[1]


@pytest.mark.parametrize("more", [[], ["--purge"], ["--forget"]])
def test_down_makes_nothing(capsys, tmp_path, more):
    code, _, lines = run(capsys, "down", "--name", "../../x", *more)
    assert (code, len(lines)) == (Exit.USAGE, 2)
    assert "cannot be a lab's name" in lines[0]
    if not more:
        run(capsys, "down", "--name", "typo")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def gone(monkeypatch, tmp_path) -> labs.Lab:
    """A lab on a cluster that nothing leads to any more."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "no-kubeconfig"))
    lab = labs.new("gone", "context", None, "gpu", 0, "no-such-context").model_copy(update={"state": "ready"})
    lab.save()
    return lab


def test_a_lab_whose_cluster_is_gone_can_be_forgotten(capsys, gone):
    code, _, lines = run(capsys, "down", "--name", "gone")
    assert code != Exit.OK
    assert "no-such-context" in lines[-2] and "`vlab down --forget --name gone`" in lines[-1]
    assert labs.find("gone") == gone

    answers = gone.folder / "runs" / "me" / "x" / "answers" / "a.md"
    answers.parent.mkdir(parents=True)
    answers.write_text("kept")
    code, _, lines = run(capsys, "down", "--forget", "--name", "gone")
    assert (code, lines[-1]) == (Exit.OK, "lab gone is forgotten")
    assert "no-such-context" in lines[0] and f"vlab.dev/instance={gone.instance}" in lines[0]
    assert labs.find("gone") is None
    assert answers.read_text() == "kept"


def test_a_lab_that_was_made_here_is_not_forgotten(capsys):
    lab = labs.new("here", "kind-built", Engine("podman"), "cpu", 1, "kind-here")
    lab.save()
    code, _, lines = run(capsys, "down", "--forget", "--name", "here")
    assert (code, len(lines)) == (Exit.USAGE, 2)
    assert labs.find("here") == lab


@pytest.mark.parametrize("record", [b"", b"{", b"[]", b"\xff\xfe", b'{"name": "x"}'])
def test_a_broken_record_is_no_bug(capsys, tmp_path, record):
    file = tmp_path / "state" / "labs" / "x" / "lab.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(record)
    for arguments in (["status"], ["down", "--name", "x"], ["ask", "?", "--name", "x"]):
        code, _, lines = run(capsys, *arguments)
        assert (code, len(lines)) == (Exit.NO_LAB, 2)
        assert str(file) in lines[0]
    assert file.read_bytes() == record


def test_cache_says_what_each_part_takes(capsys, tmp_path):
    (tmp_path / "cache" / "host").mkdir(parents=True)
    (tmp_path / "cache" / "host" / "kind").write_bytes(b"x" * 10_000)
    code, out, _ = run(capsys, "cache", "--json")
    assert code == Exit.OK
    assert json.loads(out)["bytes"]["host"] >= 10_000


def test_ctrl_c_says_that_the_same_command_goes_on(monkeypatch, capsys):
    def hold(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(catalog, "scenarios", hold)
    assert cli.run(["list"]) == Exit.INTERRUPTED
    assert "the same command goes on from here" in capsys.readouterr().err
