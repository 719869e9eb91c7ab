"""What is recorded about a learner's deployment for one grading; graders read this and nothing else."""

from vlab.evidence.api import Answer, Asked, Beginning, Calls, Counters
from vlab.evidence.files import pack, read_answers
from vlab.evidence.models import (
    PARTS,
    CannotTell,
    Collected,
    Header,
    Loaded,
    Measured,
    MetricSample,
    Object,
    Plugin,
    Probe,
    Promised,
    Request,
    Settled,
    Stream,
    StreamPath,
    Volume,
)
from vlab.evidence.record import write
from vlab.evidence.store import Evidence, load

__all__ = [
    "PARTS",
    "Answer",
    "Asked",
    "Beginning",
    "Calls",
    "CannotTell",
    "Collected",
    "Counters",
    "Evidence",
    "Header",
    "Loaded",
    "Measured",
    "MetricSample",
    "Object",
    "Plugin",
    "Probe",
    "Promised",
    "Request",
    "Settled",
    "Stream",
    "StreamPath",
    "Volume",
    "load",
    "pack",
    "read_answers",
    "write",
]
