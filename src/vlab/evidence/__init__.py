"""What is recorded about a learner's deployment for one grading; graders read this and nothing else."""

from vlab.evidence.folder import Evidence, write
from vlab.evidence.models import Answer, CannotTell, Collected, Header, Probe

__all__ = ["Answer", "CannotTell", "Collected", "Evidence", "Header", "Probe", "write"]
