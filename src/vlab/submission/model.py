"""The shape of submission.json: whose run was packed, and what its last grading said."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from vlab.model import Verdict

Short = Annotated[str, StringConstraints(max_length=253)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Claim(_Model):
    """The outcome of a grading, as a learner's vlab said it. Nobody has to believe it: `vlab verify` grades again."""

    score: int
    max_score: int
    percent: float | None
    passed: bool
    verdicts: dict[Short, Verdict]
    """By check."""


class Header(_Model):
    """submission.json."""

    schema_version: Literal[1] = 1
    vlab: Short
    exercise: Short
    learner: Short
    graded: datetime
    """When the evidence that is packed was graded: packing a run twice gives equal bytes."""
    cluster_uid: Short = ""
    namespace_uid: Short = ""
    """Of the run: another run of the same exercise has another."""
    claimed: Claim
