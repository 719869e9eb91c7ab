"""The report as JUnit XML, as CI systems read it."""

from xml.etree import ElementTree as Xml

from vlab.evidence import Evidence
from vlab.model import CheckResult, Report, Verdict


def text(report: Report, _: Evidence | None = None) -> str:
    """One test suite, one test case a check."""
    return render(report)


def render(report: Report) -> str:
    """The same, where there is no evidence."""
    counts = {v: sum(c.verdict is v for c in report.checks) for v in Verdict}
    suite = Xml.Element(
        "testsuite",
        name=report.scenario,
        tests=str(len(report.checks)),
        failures=str(counts[Verdict.FAIL]),
        errors=str(counts[Verdict.ERROR]),
        skipped=str(counts[Verdict.SKIP]),
        timestamp=report.graded_at.isoformat(),
    )
    properties = Xml.SubElement(suite, "properties")
    for name, value in _properties(report).items():
        Xml.SubElement(properties, "property", name=name, value=str(value))
    for result in report.checks:
        _add_case(suite, report, result)
    Xml.indent(suite)
    return Xml.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _properties(report: Report) -> dict[str, object]:
    return {
        "learner": report.learner,
        "score": report.score,
        "max_score": report.max_score,
        "percent": "" if report.percent is None else report.percent,
        "passed": str(report.passed).lower(),
        "evidence": report.evidence,
        "seal": report.seal,
    }


def _add_case(suite: Xml.Element, report: Report, result: CheckResult) -> None:
    case = Xml.SubElement(suite, "testcase", classname=report.scenario, name=result.id)
    tag = {Verdict.FAIL: "failure", Verdict.ERROR: "error", Verdict.SKIP: "skipped"}.get(result.verdict)
    if tag is not None:
        said = f"expected {result.expected}, found {result.actual}" if result.expected else result.reason
        Xml.SubElement(case, tag, message=said).text = result.help or None
