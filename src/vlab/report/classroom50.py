"""The report as result.json of a Classroom 50 autograder, version 1."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vlab.evidence import Evidence
from vlab.model import CheckResult, Report, Verdict
from vlab.report import told


@dataclass(frozen=True)
class Place:
    """What the runner tells an autograder about the submission; it stamps its own words over some of them."""

    classroom: str
    assignment: str
    assignment_type: str
    owner: str
    submission: str
    commit: str
    release: str
    review: str

    @classmethod
    def of(cls, environment: Mapping[str, str], report: Report) -> "Place":
        """As the runner's environment says it; outside of one what the report knows, and 'unknown'."""

        def known(name: str, otherwise: str = "unknown") -> str:
            return environment.get(name) or otherwise

        commit = known("COMMIT_URL")
        mode = known("MODE", "individual")
        return cls(
            classroom=known("CLASSROOM"),
            assignment=known("ASSIGNMENT", report.scenario),
            assignment_type=mode if mode == "group" else "individual",
            owner=known("USERNAME", report.learner),
            submission=known("SUBMISSION_TAG", f"submit/{report.graded_at:%Y-%m-%dT%H-%M-%SZ}-unknown"),
            commit=commit,
            release=known("RELEASE_URL"),
            review=known("REVIEW_URL", commit),
        )


def text(report: Report, _: Evidence | None = None) -> str:
    """One JSON object for the submission that this process grades, by its environment."""
    return render(report, Place.of(os.environ, report))


def render(report: Report, place: Place) -> str:
    """One JSON object: points that were earned, those there are, and a test a check."""
    found = {
        "schema": "classroom50/result/v1",
        **vars(place),
        "datetime": f"{report.recorded:%Y-%m-%dT%H:%M:%SZ}",
        "graded_at": f"{report.graded_at:%Y-%m-%dT%H:%M:%SZ}",
        "score": report.score,
        "max-score": report.max_score,
        "tests": [
            {"test-name": "vlab", "passed": report.passed, "score": 0, "max-score": 0, "output": told.whole(report)}
        ],
    }
    found["tests"] += [_test(each) for each in report.checks]
    return json.dumps(found, indent=2) + "\n"


def _test(result: CheckResult) -> dict[str, Any]:
    return {
        "test-name": result.title,
        "passed": result.verdict is Verdict.PASS,
        "score": result.earned,
        "max-score": 0 if result.verdict is Verdict.ERROR else result.points,
        "output": told.check(result),
    }
