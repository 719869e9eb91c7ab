"""The report as results.json of a Gradescope autograder."""

import json
from typing import Any

from vlab.evidence import Evidence
from vlab.model import CheckResult, Report, Verdict
from vlab.report import told

_STATUS = {Verdict.PASS: "passed", Verdict.FAIL: "failed", Verdict.SKIP: "failed"}
"""Of a check that could not be told Gradescope has no word: it gets none."""


def text(report: Report, _: Evidence | None = None) -> str:
    """One JSON object: the score out of all points, and a test a check.

    What could not be told counts for neither side; of an assignment with a fixed total the rest then stands for it.
    """
    found = {
        "score": round(told.share(report) * told.total(report), 2),
        "output": told.whole(report),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "tests": [_test(number, check) for number, check in enumerate(report.checks, 1)],
        "extra_data": {"scenario": report.scenario, "evidence": report.evidence, "vlab": report.vlab},
    }
    return json.dumps(found, indent=2) + "\n"


def _test(number: int, result: CheckResult) -> dict[str, Any]:
    points = {} if result.verdict is Verdict.ERROR else {"score": result.earned, "max_score": result.points}
    status = {"status": _STATUS[result.verdict]} if result.verdict in _STATUS else {}
    return {"number": str(number), "name": result.title, "output": told.check(result), **points, **status}
