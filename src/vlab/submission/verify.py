"""Verifies a submission without a cluster: who signed its evidence, what that is worth by our graders, what differs."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from vlab import catalog
from vlab.evidence import Evidence, load, seal
from vlab.grading import grade_exercise
from vlab.model import Report
from vlab.submission.admission import admit
from vlab.submission.files import ANSWERS, EVIDENCE, Submission
from vlab.submission.manifests import manifests
from vlab.submission.model import Header
from vlab.submission.pack import claim
from vlab.submission.policy import Policy


class Verification(BaseModel):
    """What came of verifying a submission."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    header: Header
    """What the submission says of itself."""
    seal: str
    """'signed by KEYID', 'unsigned', 'changed: FILE'."""
    trusted: bool
    """Whether the key is the one that is trusted."""
    challenge: str = ""
    """What whoever grades gave before it was recorded."""
    report: Report | None
    """Its evidence, graded here; None if that was changed, or there is none."""
    differences: tuple[str, ...] = ()
    """What is otherwise than the submission says, in words."""
    refused: tuple[str, ...] = ()
    """Why its manifests may not be applied."""
    notes: tuple[str, ...] = ()
    """What else is worth knowing, and decides nothing."""

    @property
    def intact(self) -> bool:
        """Whether all is as a trusted key signed it, and as the submission says."""
        return self.trusted and not self.differences and not self.refused


def verify(submission: Submission, key: Path | None = None) -> Verification:
    """Read a submission's evidence and grade it by this vlab's graders.

    Args:
        key: the public key that is trusted; this machine's own if it is None.

    Raises:
        LabError: there is no header or no such exercise, or manifests cannot be read, or evidence that nobody changed
            is none that this vlab knows.
    """
    header, contents = submission.header, submission.evidence
    exercise = catalog.exercise(header.exercise)
    state = seal.state(contents)
    trusted = seal.is_trusted(state, key)
    if state.kind == "changed":
        return Verification(
            header=header, seal=str(state), trusted=trusted, report=None, differences=_changed(state.changed)
        )
    evidence = load(submission.path / EVIDENCE.rstrip("/"), contents)
    report = grade_exercise(evidence, exercise) if evidence.header.scenario == exercise.id else None
    policy = Policy(namespace=evidence.header.namespace)
    objects = [each.object for each in manifests(submission)]
    return Verification(
        header=header,
        seal=str(state),
        trusted=trusted,
        challenge=evidence.header.challenge,
        report=report,
        differences=(*_identity(header, evidence), *(() if report is None else _score(header, report))),
        refused=tuple(map(str, admit(objects, policy))),
        notes=tuple(_answers(submission, contents.files)),
    )


def _changed(files: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{EVIDENCE}{name} was changed since it was recorded" for name in files)


def _identity(header: Header, evidence: Evidence) -> Iterator[str]:
    found = evidence.header
    for what, said, is_ in (
        ("exercise", header.exercise, found.scenario),
        ("learner", header.learner, found.learner),
        ("cluster", header.cluster_uid, str(found.cluster.get("uid", ""))),
        ("run", header.namespace_uid, found.namespace_uid),
    ):
        if said != is_:
            yield f"{what}: the submission says {said or 'none'}, its evidence {is_ or 'none'}"


def _score(header: Header, report: Report) -> Iterator[str]:
    said, now = header.claimed, claim(report)
    for what in ("score", "max_score", "percent", "passed"):
        before, after = getattr(said, what), getattr(now, what)
        if before != after:
            yield f"{what}: the submission says {before}, its evidence gives {after}"
    for check in sorted({*said.verdicts, *now.verdicts}):
        was, is_ = said.verdicts.get(check, "nothing"), now.verdicts.get(check, "nothing")
        if was != is_:
            yield f"{check}: the submission says {was}, its evidence gives {is_}"


def _answers(submission: Submission, evidence: Mapping[str, bytes]) -> Iterator[str]:
    for name, raw in submission.answers.items():
        if evidence.get(f"{ANSWERS}{name}") != raw:
            yield f"{ANSWERS}{name} is not what was graded"
