"""Packs a learner's run into the one file that is handed in; equal runs make equal bytes."""

from collections.abc import Mapping
from pathlib import Path

import pydantic

from vlab import __version__
from vlab.errors import LabError
from vlab.evidence import Evidence, files, read_answers
from vlab.evidence.files import Refused
from vlab.evidence.store import in_words
from vlab.model import Report
from vlab.submission.files import (
    ANSWERS,
    EVIDENCE,
    HEADER,
    MANIFEST_BYTES,
    MANIFEST_NAME,
    MANIFESTS,
    Submission,
    read_submission,
)
from vlab.submission.model import Claim, Header

_SUFFIXES = (".yaml", ".yml", ".json")


def claim(report: Report) -> Claim:
    """What a report says, as a submission claims it."""
    return Claim(
        score=report.score,
        max_score=report.max_score,
        percent=report.percent,
        passed=report.passed,
        verdicts={check.id: check.verdict for check in report.checks},
    )


def pack(file: Path, grading: Path, answers: Path, manifests: Path | None = None) -> Submission:
    """Put a grading with its evidence, what the learner wrote, and manifests into a zip file.

    Args:
        grading: the folder that keeps a report with its evidence.
        manifests: a folder; its files *.yaml, *.yml and *.json are taken.

    Returns:
        The submission as it is read again.

    Raises:
        LabError: a file is none that a submission has, is too large, or cannot be written.
    """
    header = _header(grading)
    found = {HEADER: f"{header.model_dump_json(indent=2)}\n".encode()}
    found |= _in(EVIDENCE, files.read(grading / "evidence").files)
    found |= _in(ANSWERS, _answers(answers))
    found |= _in(MANIFESTS, {} if manifests is None else _manifests(manifests))
    try:
        files.write_zip(found, file)
    except OSError as e:
        raise LabError(f"cannot write {file}: {e.strerror}", "name a file in a folder that exists") from e
    try:
        return read_submission(file)
    except LabError:
        file.unlink()
        raise


def _header(grading: Path) -> Header:
    report_file = grading / "report.json"
    try:
        report = Report.model_validate_json(report_file.read_bytes())
    except OSError as e:
        raise LabError(f"cannot read {report_file}: {e.strerror}", "grade it again: `vlab grade EXERCISE`") from e
    except pydantic.ValidationError as e:
        raise LabError(f"{report_file}: {in_words(e)}", "grade it again: `vlab grade EXERCISE`") from e
    evidence = Evidence(grading / "evidence").header
    return Header(
        vlab=__version__,
        exercise=evidence.scenario,
        learner=evidence.learner,
        graded=report.graded_at,
        cluster_uid=str(evidence.cluster.get("uid", "")),
        namespace_uid=evidence.namespace_uid,
        claimed=claim(report),
    )


def _in(folder: str, found: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}{name}": raw for name, raw in found.items()}


def _answers(folder: Path) -> dict[str, bytes]:
    texts, refused = read_answers(folder)
    for name, words in refused.items():
        raise Refused(f"{ANSWERS}{name}", words, "an answer is a text called NAME.md; rename it, or move it away")
    return {name: text.encode() for name, text in texts.items()}


def _manifests(folder: Path) -> dict[str, bytes]:
    if not folder.is_dir():
        raise LabError(f"{folder} is no folder", "name the folder with your manifests")
    found = {}
    for file in sorted(folder.iterdir()):
        if file.suffix not in _SUFFIXES:
            continue
        if not MANIFEST_NAME.fullmatch(file.name):
            hint = "use letters, digits, dots, dashes and underscores"
            raise Refused(files.shown(file.name), "is called as no manifest can be", hint)
        found[file.name] = files.read_regular(file, MANIFEST_BYTES, file.name)
    return found
