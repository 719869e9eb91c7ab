"""What a grader's pod is given, and what is taken from what it leaves."""

import io
import json
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from classes import made
from vlab import catalog
from vlab.classroom.jobs import parcel
from vlab.classroom.jobs.pod import OUTCOME, Came
from vlab.classroom.jobs.run import unpacked

GRADING = "20261101T090000000000Z"


@pytest.fixture(scope="module")
def code() -> bytes:
    return parcel.code()


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("VLAB_STATE", str(tmp_path))
    room = made()
    return room.start(room.learner())


def names(archive: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        return packed.namelist()


def result(came: Came, files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(OUTCOME, came.model_dump_json())
        for name, raw in files.items():
            archive.writestr(name, raw)
    return packed.getvalue()


def test_equal_code_makes_equal_bytes_that_fit_into_config_maps(code):
    assert parcel.code() == code
    pieces = parcel.pieces(code)
    assert b"".join(pieces) == code
    assert max(map(len, pieces)) < 1 << 20


def test_it_is_python_alone_without_recorded_runs(code):
    found = names(code)
    assert not [n for n in found if n.endswith(".so")]
    assert not [n for n in found if n.startswith("vlab/data/") and "/evidence/" in n]
    assert {"kubernetes/config/__init__.py", "pytest/__init__.py", "vlab/witness/__main__.py"} <= set(found)


def test_what_the_engine_brings_is_not_sent(code):
    assert not [n for n in names(code) if n.startswith(("pydantic/", "yaml/", "cryptography/", "aiohttp/"))]


def test_what_is_sent_can_grade_every_exercise(code, tmp_path):
    """In a fresh interpreter with what the engine has besides: its data, its graders and the Kubernetes client."""
    with zipfile.ZipFile(io.BytesIO(code)) as archive:
        archive.extractall(tmp_path)
    there = parcel.of_the_engine() | {canonicalize_name(d.metadata["Name"]) for d in parcel.lacking()} | {"vlab"}
    of = {top: {*map(canonicalize_name, dists)} for top, dists in packages_distributions().items()}
    away = sorted(top for top, dists in of.items() if not dists & there)
    assert {"uv", "matplotlib", "hypothesis"} <= set(away)
    asked = (
        "import json, sys\n"
        "sys.path.insert(0, sys.argv[1]); sys.modules.update(dict.fromkeys(json.loads(sys.argv[2])))\n"
        "import vlab.classroom.jobs.pod, _pytest\n"
        "from vlab.cluster.official import without_models; without_models()\n"
        "from kubernetes import config, stream\n"
        "from vlab import catalog\n"
        "from vlab.grading.load import checks_in\n"
        "for each in catalog.exercises().values(): assert checks_in(*each.graders), each.id\n"
        "for module in (vlab, config, stream, _pytest): print(module.__file__)\n"
        "print(*sorted(catalog.exercises()))"
    )
    told = subprocess.run(
        [sys.executable, "-c", asked, tmp_path, json.dumps(away)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert told.returncode == 0, told.stderr
    *files, exercises = told.stdout.splitlines()
    assert all(Path(file).is_relative_to(tmp_path) for file in files)
    assert exercises.split() == sorted(catalog.exercises())


def test_a_result_is_put_where_gradings_and_answers_lie(run):
    files = {f"gradings/{GRADING}/report.json": b"{}", "answers/diagnosis.md": b"Layer"}
    came = unpacked(result(Came(ok=True, words="solved", grading=GRADING), files), run)
    assert came.words == "solved"
    assert (run.gradings / GRADING / "report.json").read_bytes() == b"{}"
    assert (run.answers / "diagnosis.md").read_bytes() == b"Layer"
    assert {f.name for f in run.folder.iterdir()} == {"run.json", "gradings", "answers"}


@pytest.mark.parametrize(
    "name",
    ["run.json", "../run.json", "answers/../run.json", "/etc/x", "answers/a/b", "gradings/other/report.json",
     f"gradings/{GRADING}", f"gradings/{GRADING}/../../run.json", "answers\\..\\run.json", "answers/"],
)  # fmt: skip
def test_a_file_that_does_not_belong_there_is_refused(run, name):
    before = (run.folder / "run.json").read_bytes()
    with pytest.raises(ValueError, match="does not belong there"):
        unpacked(result(Came(ok=True, words="", grading=GRADING), {name: b"x"}), run)
    assert {f.name for f in run.folder.iterdir()} == {"run.json"}
    assert (run.folder / "run.json").read_bytes() == before


@pytest.mark.parametrize("grading", ["..", "../..", "20261101", "/tmp"])
def test_a_grading_has_a_time_for_a_name(run, grading):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(OUTCOME, f'{{"ok": true, "words": "", "grading": "{grading}"}}')
    with pytest.raises(ValueError, match="grading"):
        unpacked(packed.getvalue(), run)


def test_what_swells_is_refused_before_it_is_written(run):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(OUTCOME, Came(ok=True, words="", grading=GRADING).model_dump_json())
        archive.writestr(f"gradings/{GRADING}/report.json", b"\0" * (64 << 20))
    with pytest.raises(ValueError, match="too large"):
        unpacked(packed.getvalue(), run)
