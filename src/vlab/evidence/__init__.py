"""What is recorded about a learner's deployment for one grading; graders read this and nothing else."""

from vlab.evidence.models import (
    PARTS,
    Answer,
    Baseline,
    CannotTell,
    Collected,
    Header,
    MetricSample,
    Object,
    Probe,
    Request,
    Stream,
    StreamPath,
)
from vlab.evidence.store import Evidence, load, write

__all__ = [
    "PARTS",
    "Answer",
    "Baseline",
    "CannotTell",
    "Collected",
    "Evidence",
    "Header",
    "MetricSample",
    "Object",
    "Probe",
    "Request",
    "Stream",
    "StreamPath",
    "load",
    "write",
]
