"""The report as results.json of a PrairieLearn external grader."""

import json
from typing import Any

from vlab.evidence import Evidence
from vlab.model import CheckResult, Report, Verdict
from vlab.report import told


def text(report: Report, _: Evidence | None = None) -> str:
    """One JSON object: the score from 0 to 1, and a test a check.

    Where nothing could be told it is not gradable: no attempt is lost.
    """
    whole = told.whole(report)
    if told.told(report):
        found: dict[str, Any] = {"gradable": True, "score": round(told.share(report), 4)}
    else:
        found = {"gradable": False, "format_errors": [told.check(each) for each in report.checks]}
    found |= {"message": whole, "output": "", "tests": [_test(each) for each in report.checks]}
    return json.dumps(found, indent=2) + "\n"


def _test(result: CheckResult) -> dict[str, Any]:
    return {
        "name": result.title,
        "description": result.id,
        "points": result.earned,
        "max_points": 0 if result.verdict is Verdict.ERROR else result.points,
        "message": told.check(result),
        "output": "",
    }
