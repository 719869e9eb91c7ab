"""Runs in a grader's pod: grades the learner of its index, and leaves what came of it on the volume as one file."""

import os
import shutil
import sys
import zipfile
from pathlib import Path

import pydantic
import yaml

from vlab import catalog, paths, runs, ui
from vlab.classroom.jobs.parcel import ROUND, Round
from vlab.classroom.rounds import Graded, grade_one
from vlab.cluster import lab as labs
from vlab.cluster.kube import kube
from vlab.cluster.lab import Lab
from vlab.errors import LabError

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
KEYS = Path("/keys")
RESULTS = Path("/results")
OUTCOME = "outcome.json"


class Came(pydantic.BaseModel, frozen=True):
    """What came of one learner's grading."""

    ok: bool
    words: str
    hint: str = ""
    grading: str = pydantic.Field("", pattern=r"^(\d{8}T\d{12}Z)?$")
    """The folder of the report and its evidence, where something was graded."""


def main() -> None:
    """Grade; what cannot be graded is an outcome as well, and only a pod that breaks is tried again."""
    given = Round.model_validate_json((paths.state() / ROUND).read_bytes())
    slug = given.learners[int(os.environ["JOB_COMPLETION_INDEX"])]
    lab = labs.get(given.lab)
    _be_the_grader(lab)
    exercise = catalog.exercise(given.exercise)
    run = runs.load(lab, exercise, slug)
    within = ui.Within(lambda words: print(words, file=sys.stderr, flush=True) if words else None)  # noqa: T201 - its log
    try:
        graded = grade_one(kube(lab), lab, exercise, run, within, given.patience)
    except LabError as e:
        _leave(given, run, Came(ok=False, words=e.message, hint=e.hint), None)
        return
    _leave(given, run, Came(ok=True, words=graded.words, grading=graded.folder.name), graded)


def _be_the_grader(lab: Lab) -> None:
    """The pod's account as a kubeconfig, and the teacher's key where recordings are signed."""
    where = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "here", "cluster": {"server": where, "certificate-authority": str(ACCOUNT / "ca.crt")}}],
        "users": [{"name": "grader", "user": {"tokenFile": str(ACCOUNT / "token")}}],
        "contexts": [{"name": lab.context, "context": {"cluster": "here", "user": "grader"}}],
        "current-context": lab.context,
    }
    lab.kubeconfig.write_text(yaml.safe_dump(config))
    os.environ["KUBECONFIG"] = str(lab.kubeconfig)
    shutil.copytree(KEYS, paths.state() / "keys", ignore=shutil.ignore_patterns("..*"))


def _leave(given: Round, run: runs.Run, came: Came, graded: Graded | None) -> None:
    """One file, there whole or not at all."""
    folder = RESULTS / given.id
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / f"{run.learner}.new"
    with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(OUTCOME, came.model_dump_json())
        kept = [] if graded is None else [f for f in graded.folder.rglob("*") if f.is_file()]
        kept += [f for f in run.answers.glob("*") if f.is_file()]
        for file in kept:
            archive.write(file, str(file.relative_to(run.folder)))
    new.rename(folder / f"{run.learner}.zip")


if __name__ == "__main__":
    main()
