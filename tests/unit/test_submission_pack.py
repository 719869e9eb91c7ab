"""What is handed in and what is made of it: packed the same way twice, verified offline, and every change found out."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

import submitting as s
from vlab import catalog, cli
from vlab.errors import Exit
from vlab.evidence import load, seal
from vlab.evidence.files import MANIFEST, read, write_zip
from vlab.grading import grade_exercise
from vlab.report import render

SOLVED = catalog.exercise("four-gpu-pending").recorded["solved"]
FAULTY = catalog.exercise("four-gpu-pending").recorded["faulty"]
LATER = "20260301T120000000000Z"


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("VLAB_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("VLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def run(capsys, *arguments):
    code = cli.run([*map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def graded(recorded, name=LATER, learner="me"):
    """A grading as `vlab grade` keeps it, of recorded evidence that this machine's key signs."""
    exercise = catalog.exercise("four-gpu-pending")
    folder = Path("state/labs/vlab/runs") / learner / exercise.id
    grading = folder / "gradings" / name
    (grading / "evidence").mkdir(parents=True)
    with zipfile.ZipFile(recorded) as archive:
        archive.extractall(grading / "evidence")
    seal.close(grading / "evidence", seal.own_key())
    report = grade_exercise(load(grading / "evidence"), exercise)
    (grading / "report.json").write_text(render(report, None, "json"))
    (folder / "answers").mkdir(exist_ok=True)
    (folder / "answers/diagnosis.md").write_text("# It asked for four\n")
    return grading


def change(file, name, content):
    """Put other bytes into a submission in the place of a file's."""
    with zipfile.ZipFile(file) as archive:
        files = {n: archive.read(n) for n in archive.namelist()}
    write_zip({**files, name: content(files.get(name, b""))}, file)


def submitted(capsys, *more):
    code, out, _ = run(capsys, "submit", "four-gpu-pending", *more)
    assert code == Exit.OK
    return Path(out.strip())


def test_a_run_is_packed_and_verified(capsys):
    graded(SOLVED)
    file = submitted(capsys)
    assert file == Path("four-gpu-pending-me.zip")
    names = zipfile.ZipFile(file).namelist()
    assert {"submission.json", "answers/diagnosis.md", "evidence/MANIFEST", "evidence/MANIFEST.sig"} <= set(names)
    code, out, _ = run(capsys, "verify", file)
    assert code == Exit.OK
    assert "solved" in out and "signed by" in out and "differs" not in out


def test_the_same_run_makes_the_same_bytes_and_the_latest_grading_is_taken(capsys):
    graded(FAULTY, "20260301T110000000000Z")
    graded(SOLVED)
    first = submitted(capsys, "--out", "a.zip").read_bytes()
    assert submitted(capsys, "--out", "b.zip").read_bytes() == first
    code, out, _ = run(capsys, "verify", "a.zip", "--json")
    assert (code, json.loads(out)["report"]["passed"]) == (Exit.OK, True)


def test_a_run_that_is_not_solved_says_so(capsys):
    graded(FAULTY)
    code, out, _ = run(capsys, "verify", submitted(capsys))
    assert code == Exit.CHECKS_FAILED
    assert "not solved yet" in out and "differs" not in out


def test_a_changed_claim_is_found_out(capsys):
    graded(FAULTY)
    file = submitted(capsys)

    def better(raw):
        header = json.loads(raw)
        header["claimed"] |= {"passed": True, "percent": 100.0}
        header["claimed"]["verdicts"]["server-ready"] = "pass"
        return json.dumps(header).encode()

    change(file, "submission.json", better)
    code, out, _ = run(capsys, "verify", file)
    assert code == Exit.CHECKS_FAILED
    assert "differs: passed: the submission says True, its evidence gives False" in out
    assert "differs: server-ready: the submission says pass, its evidence gives fail" in out


def test_changed_evidence_is_found_out_and_not_graded(capsys):
    graded(SOLVED)
    file = submitted(capsys)
    change(file, "evidence/events.json", lambda raw: raw + b" ")
    code, out, _ = run(capsys, "verify", file, "--json")
    found = json.loads(out)
    assert (code, found["report"], found["seal"]) == (Exit.CHECKS_FAILED, None, "changed: events.json")
    assert found["differences"] == ["evidence/events.json was changed since it was recorded"]


def test_an_added_file_of_evidence_is_found_out(capsys):
    graded(SOLVED)
    file = submitted(capsys)
    change(file, "evidence/logs/more--c.log", lambda _: b"x")
    code, out, _ = run(capsys, "verify", file)
    assert code == Exit.CHECKS_FAILED and "logs/more--c.log was changed" in out


@pytest.mark.parametrize(
    ("field", "what"), [("learner", "learner"), ("namespace_uid", "run"), ("cluster_uid", "cluster")]
)
def test_evidence_of_another_is_found_out(capsys, field, what):
    graded(SOLVED)
    file = submitted(capsys)
    change(file, "submission.json", lambda raw: json.dumps({**json.loads(raw), field: "bob"}).encode())
    code, out, _ = run(capsys, "verify", file)
    assert code == Exit.CHECKS_FAILED and f"differs: {what}: the submission says bob" in out


def test_evidence_of_another_exercise_is_found_out(capsys):
    graded(SOLVED)
    file = submitted(capsys)
    change(file, "submission.json", lambda raw: json.dumps({**json.loads(raw), "exercise": "shm-missing"}).encode())
    code, out, _ = run(capsys, "verify", file)
    assert code == Exit.CHECKS_FAILED
    assert "differs: exercise: the submission says shm-missing, its evidence four-gpu-pending" in out


def test_another_key_is_not_trusted_unless_it_is_named(capsys, tmp_path):
    graded(SOLVED)
    file = submitted(capsys)
    shutil.move("state/keys", "theirs")
    code, out, _ = run(capsys, "verify", file)
    assert code == Exit.CHECKS_FAILED and "which is not the key that is trusted" in out
    assert run(capsys, "verify", file, "--key", "theirs/vlab.pub")[0] == Exit.OK


def test_unsigned_evidence_is_not_trusted(capsys):
    grading = graded(SOLVED)
    seal.close(grading / "evidence")
    code, out, _ = run(capsys, "verify", submitted(capsys))
    assert code == Exit.CHECKS_FAILED and "unsigned" in out


def test_answers_that_were_changed_later_are_a_note(capsys):
    graded(SOLVED)
    code, _, err = run(capsys, "verify", submitted(capsys))
    assert code == Exit.OK and "answers/diagnosis.md is not what was graded" in err


def test_manifests_go_with_it_and_what_may_not_be_applied_is_said_twice(capsys, tmp_path):
    graded(SOLVED)
    folder = tmp_path / "mine"
    folder.mkdir()
    own = [s.spoiled(lambda o=o: o, lambda o: o["metadata"].pop("namespace", None)) for o in s.good()]
    (folder / "server.yaml").write_bytes(s.as_yaml(*(o for o in own if o["kind"] != "Namespace")))
    (folder / "notes.txt").write_text("stays here")
    file = submitted(capsys, "--manifests", folder)
    assert [n for n in zipfile.ZipFile(file).namelist() if n.startswith("manifests/")] == ["manifests/server.yaml"]
    assert run(capsys, "verify", file)[0] == Exit.OK
    hostile = s.hostile_pod("Pod", s.POD_TRAITS["hostPath"][1])
    del hostile["metadata"]["namespace"]
    (folder / "server.yaml").write_bytes(s.as_yaml(hostile))
    code, out, err = run(capsys, "submit", "four-gpu-pending", "--manifests", folder, "--json")
    assert code == Exit.OK and "hostPath" in err and "hostPath" in json.loads(out)["refused"][0]
    code, out, _ = run(capsys, "verify", "four-gpu-pending-me.zip")
    assert code == Exit.CHECKS_FAILED and "refused: Pod/vllm-server: spec.volumes" in out


def test_no_link_is_packed(capsys, tmp_path):
    grading = graded(SOLVED)
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "x.yaml").symlink_to("/etc/passwd")
    code, _, err = run(capsys, "submit", "four-gpu-pending", "--manifests", folder)
    assert code == Exit.USAGE and "x.yaml is no regular file" in err
    (grading.parents[1] / "answers/more.md").symlink_to("/etc/passwd")
    code, _, err = run(capsys, "submit", "four-gpu-pending")
    assert code == Exit.USAGE and "answers/more.md is no regular file" in err
    assert not Path("four-gpu-pending-me.zip").exists()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["submit", "four-gpu-pending"], "four-gpu-pending has not been graded"),
        (["submit", "four-gpu-pendin"], "no exercise is called"),
        (["verify", "nowhere.zip"], "cannot be read"),
    ],
)
def test_errors_are_one_line_and_a_hint(capsys, arguments, error):
    code, out, err = run(capsys, *arguments)
    first, second = err.strip().splitlines()
    assert (code, out) == (Exit.USAGE, "")
    assert error in first and second.startswith("hint: ")


def test_a_submission_without_evidence_or_header_is_an_error_like_any_other(capsys, tmp_path):
    s.zipped(tmp_path / "a.zip", {"answers/x.md": b"x"})
    code, _, err = run(capsys, "verify", "a.zip")
    assert code == Exit.USAGE and "has no submission.json" in err
    graded(SOLVED)
    file = submitted(capsys)
    with zipfile.ZipFile(file) as archive:
        header = archive.read("submission.json")
    write_zip({"submission.json": header}, file)
    code, _, err = run(capsys, "verify", file)
    assert code == Exit.USAGE and "holds no evidence" in err


@pytest.mark.parametrize("raw", [b"{}", b"[]", b"\xff", b"[" * 100_000, b'{"schema_version": 2}'])
def test_a_header_that_is_none_is_an_error_like_any_other(capsys, tmp_path, raw):
    s.zipped(tmp_path / "a.zip", {"submission.json": raw})
    code, _, err = run(capsys, "verify", "a.zip")
    assert code == Exit.USAGE and "submission.json" in err and len(err.strip().splitlines()) == 2


def test_it_is_evidence_as_vlab_reads_it(capsys, tmp_path):
    graded(SOLVED)
    with zipfile.ZipFile(submitted(capsys)) as archive:
        archive.extractall(tmp_path / "all")
    assert MANIFEST in read(tmp_path / "all/evidence").files
    assert run(capsys, "verify", tmp_path / "all")[0] == Exit.OK
    assert run(capsys, "evidence", "verify", tmp_path / "all/evidence")[0] == Exit.OK
