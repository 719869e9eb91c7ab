"""What a learner hands in: read safely, judged object by object before anything is applied, packed, verified.

A submission is hostile by assumption: whatever reads one here does so in bounded time and memory, executes nothing
of it, and writes nothing of it anywhere.
"""

from vlab.submission.admission import Refusal, admit
from vlab.submission.cluster_side import admission_policies
from vlab.submission.files import Submission, read_submission
from vlab.submission.manifests import Manifest, manifests, parse
from vlab.submission.model import Claim, Header
from vlab.submission.pack import claim, pack
from vlab.submission.policy import Policy
from vlab.submission.verify import Verification, verify

__all__ = [
    "Claim",
    "Header",
    "Manifest",
    "Policy",
    "Refusal",
    "Submission",
    "Verification",
    "admission_policies",
    "admit",
    "claim",
    "manifests",
    "pack",
    "parse",
    "read_submission",
    "verify",
]
