"""Reports: one score in every format, legible without colour, whole without a network, safe whatever is in them."""

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from vlab.errors import LabError
from vlab.essence import essence
from vlab.evidence import Collected, Header, Loaded, MetricSample, Request, Stream, StreamPath, load, write
from vlab.grading.run import report as report_of
from vlab.grading.score import earned
from vlab.model import CheckResult, Report, Verdict
from vlab.report import FORMATS, render
from vlab.report.changes import changes
from vlab.report.plots import plots

MARKED = ("html", "step-summary")
"""Formats in which signs are written as HTML has them."""
NASTY = "</code><script>alert(1)</script> ]]> \"quoted\" & 'single'"


def result(id, verdict, points, **words):
    return CheckResult(
        id=id, title=f"Title of {id}", points=points, earned=earned(verdict, points), verdict=verdict, **words
    )


CHECKS = (
    result("good", Verdict.PASS, 3),
    result("guard", Verdict.PASS, 0),
    result("bad", Verdict.FAIL, 4, expected="one ready", actual=NASTY, help="look there"),
    result("after", Verdict.SKIP, 2, reason="bad must pass first"),
    result("untold", Verdict.ERROR, 5, reason="the API server went away"),
)


def deployment(image="a", **metadata):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "uid": "1", "resourceVersion": "1", **metadata},
        "spec": {"template": {"spec": {"containers": [{"image": image}]}}},
        "status": {"readyReplicas": 1},
    }


def sample(t, running, waiting, usage, preemptions):
    names = ("num_requests_running", "num_requests_waiting", "gpu_cache_usage_perc", "num_preemptions_total")
    values = (running, waiting, usage, preemptions)
    return MetricSample(t=t, pod="a", samples={f"vllm:{n}": v for n, v in zip(names, values, strict=True)})


PARTS = {
    "objects": {"start": [deployment()], "now": [deployment(NASTY)]},
    "loaded": Loaded(started=100, workload="w", nonce="n", via="witness", engines=("a",)),
    "metrics": [sample(100 + i, 4, 28 - i, 0.9, 3 + i // 2) for i in range(8)],
    "requests": [
        Request(
            class_name=name,
            index=i,
            requested_tokens=9,
            intended=100 + i,
            sent=100 + i,
            first_token=101 + i,
            end=104 + i,
        )
        for i, name in enumerate(["chat", "batch", NASTY])
    ],
    "stream": Stream(
        direct=StreamPath(url="u", status=200, events=3, reads=3, chunks=(0.1, 0.2, 0.3)),
        edge=StreamPath(url="u", status=200, events=3, reads=1, chunks=(0.3,), content_encoding="gzip"),
    ),
}


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    collectors = {name: Collected(ok=True) for name in ("objects", "load", "stream")}
    header = Header(
        vlab="0",
        scenario="some-scenario",
        learner=NASTY,
        namespace="n",
        profile="cpu",
        parameters={"blocks": 96},
        cluster={"provider": "kind-built"},
        started=datetime(2026, 1, 1, tzinfo=UTC),
        seconds=1.0,
        collectors={**collectors, "probe": Collected(ok=False, reason="no pod was ready")},
    )
    folder = tmp_path_factory.mktemp("report") / "e"
    write(folder, header, PARTS)
    return load(folder)


@pytest.fixture(scope="module")
def report(evidence):
    return report_of(evidence, CHECKS, "A title")


@pytest.fixture(scope="module")
def html(report, evidence):
    return render(report, evidence, "html")


class Page(HTMLParser):
    """What tests look for in a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *a) for a in attrs]

    def handle_data(self, data):
        self.words.append(data)


def figures(text, format):
    """(score, max_score) as a format shows them."""
    if format == "json":
        return json.loads(text)["score"], json.loads(text)["max_score"]
    if format == "junit":
        values = {p.get("name"): p.get("value") for p in ElementTree.fromstring(text).iter("property")}
        return int(values["score"]), int(values["max_score"])
    found = re.search(r"(\d+) of (\d+) points", "".join(Page(text).words) if format == "html" else text)
    return tuple(map(int, found.groups()))


@pytest.mark.parametrize("format", FORMATS)
def test_the_score_is_the_same_everywhere(report, evidence, format):
    assert figures(render(report, evidence, format), format) == (report.score, report.max_score) == (3, 9)


@pytest.mark.parametrize("format", FORMATS)
def test_every_check_is_in_every_format_with_its_words(report, evidence, format):
    text = render(report, evidence, format)
    if format == "junit":
        text = " ".join(f"{e.attrib} {e.text}" for e in ElementTree.fromstring(text).iter())
    elif format in MARKED:
        text = " ".join(Page(text).words)
    text = " ".join(text.split())
    for check in report.checks:
        for words in filter(None, (check.id, check.expected, check.reason, check.help)):
            assert words in text


def test_json_is_the_report(report):
    assert Report.model_validate_json(render(report, None, "json")) == report


def test_junit_has_a_case_for_each_check(report):
    suite = ElementTree.fromstring(render(report, None, "junit"))
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "5", "failures": "1", "errors": "1", "skipped": "1"}
    assert [c.get("name") for c in suite.iter("testcase")] == [c.id for c in CHECKS]
    assert NASTY in suite.find(".//failure").get("message")


def test_the_terminal_needs_no_colour(report):
    text = render(report, None, "terminal")
    assert "\x1b" not in text
    assert "✗ fail            Title of bad" in text
    assert "? could not tell  Title of untold" in text
    assert "guard, safeguard" in text
    assert not [line for line in text.splitlines() if line != line.rstrip()]


def test_an_unknown_format_names_those_there_are(report):
    with pytest.raises(LabError, match="no report format 'pdf'") as caught:
        render(report, None, "pdf")
    assert caught.value.hint == f"there are: {', '.join(FORMATS)}"


def test_the_page_asks_nothing_of_anybody(html):
    page = Page(html)
    assert not {"script", "link", "img", "iframe", "object", "embed", "form", "base"} & set(page.tags)
    asking = [a for a in page.attributes if a[1] in ("src", "srcset", "action", "data", "poster", "background")]
    assert asking == []
    assert all(value.startswith("#") for _, name, value in page.attributes if name in ("href", "xlink:href"))
    assert not re.search(r"url\((?!#)|@import", html)
    assert "default-src 'none'" in html


def test_whatever_is_in_the_evidence_stays_text(html):
    assert "<script" not in html
    assert NASTY in "".join(Page(html).words)


def test_the_page_says_what_everything_is(html):
    page = Page(html)
    assert ("html", "lang", "en") in page.attributes
    assert [t for t in page.tags if t in ("h1", "h2")] == ["h1", "h2", "h2", "h2", "h2"]
    assert page.tags.count("caption") == 2
    scopes = [v for t, n, v in page.attributes if t == "th" and n == "scope"]
    figures = 3 * 4 + 4 + 4  # of each class, of the engines and all requests, of the stream
    assert scopes == ["col"] * 3 + ["row"] * len(CHECKS) + ["col"] * 4 + ["row"] * figures
    assert [n for t, n, _ in page.attributes if t == "svg" and n in ("role", "aria-label")] == [
        "role",
        "aria-label",
    ] * 5
    ids = [v for _, n, v in page.attributes if n == "id"]
    assert len(ids) == len(set(ids))
    words = "".join(page.words)
    assert all(word in words for word in ("pass", "fail", "could not tell", "skipped"))
    assert "prefers-color-scheme: dark" in words


def test_the_page_says_what_could_not_be_recorded(html):
    assert "no pod was ready" in html


def test_the_page_does_without_evidence(report):
    page = Page(render(report, None, "html"))
    assert "svg" not in page.tags
    assert page.tags.count("h2") == 1


def test_plots_are_of_what_there_is(evidence, tmp_path):
    waits = " ".join(f"{name} p50: 1.00 s now. {name} p95: 1.00 s now." for name in ("Chat", "Batch", NASTY))
    found = plots(evidence)
    assert [(p.title, p.summary) for p in found] == [
        (
            "Requests in the engine",
            "Waiting: at most 28 now. Running: at most 4 now. Request-seconds in the queue: 175.0 now. "
            "Not measured before.",
        ),
        ("KV cache", "KV cache in use at most: 90% now. Not measured before."),
        ("Preemptions", "Preemptions: 3 now. Not measured before."),
        (
            "Time to first token, by when a request was due",
            f"{waits} Failed requests: 0 of 3 now. Not measured before.",
        ),
        (
            "One answer as it arrived, a line a read",
            "Direct: reads for events: 3 for 3 now. Direct: first piece after: 0.100 s now. "
            "Edge: reads for events: 1 for 3 (gzip) now. Edge: first piece after: 0.300 s now. Not measured before.",
        ),
    ]
    only = evidence.header.model_copy(update={"collectors": {"stream": Collected(ok=True)}})
    write(tmp_path / "only", only, {"stream": PARTS["stream"]})
    assert [p.title for p in plots(load(tmp_path / "only"))] == ["One answer as it arrived, a line a read"]


def test_plots_take_their_ink_from_the_page(evidence):
    for plot in plots(evidence):
        ElementTree.fromstring(plot.svg)
        assert "currentColor" in plot.svg
        assert not re.search(r"#000000|#ffffff|: ?black|: ?white", plot.svg)


def test_what_nobody_decided_is_no_change():
    before = deployment(creationTimestamp="x", annotations={"deployment.kubernetes.io/revision": "1"})
    after = deployment(uid="2", generation=7, annotations={"deployment.kubernetes.io/revision": "2"})
    pod = {"kind": "Pod", "metadata": {"name": "d-1", "ownerReferences": [{"uid": "1"}]}, "spec": {}}
    assert changes([before], [{**after, "status": {}}, pod]) == []


def test_changes_are_told_as_diffs():
    service = {"kind": "Service", "metadata": {"name": "s"}, "spec": {}}
    job = {"kind": "Job", "metadata": {"name": "j"}, "spec": {}}
    found = changes([deployment("a"), service], [deployment("b"), job])
    assert [(c.name, c.what) for c in found] == [
        ("Deployment/d", "changed"),
        ("Service/s", "removed"),
        ("Job/j", "added"),
    ]
    assert "-      - image: a" in found[0].lines
    assert "+      - image: b" in found[0].lines
    assert all(line.startswith("-") for line in found[1].lines[1:])


def config(text):
    return {"kind": "ConfigMap", "metadata": {"name": "edge"}, "data": {"nginx.conf": text}}


@pytest.mark.parametrize("odd", ["", "\t", " ", "\r", "\x07", "# é 漢 \U0001f600", "\u2028", "{{ x }}: |"])
def test_a_file_in_a_config_map_is_compared_line_by_line(odd):
    lines = ["http {", f"  gzip on;{odd}", f"{odd}  proxy_buffering off;", "}"]
    before, after = "\n".join(lines), "\n".join([lines[0], lines[1].replace("on", "off"), *lines[2:]])
    (change,) = changes([config(before)], [config(after)])
    changed = [line for line in change.lines if line[:1] in "+-"]
    assert [line[:1] + line[1:].strip().partition(";")[0] for line in changed] == ["-gzip on", "+gzip off"]


def test_a_file_whose_line_ends_alone_have_changed_is_seen_to_differ():
    (change,) = changes([config("a;\nb;\n")], [config("a;\r\nb;\n")])
    assert "-    a;" in change.lines
    assert r"+    a;\r" in change.lines


def test_objects_of_one_name_in_two_namespaces_are_two():
    here, there = deployment(namespace="a"), deployment("b", namespace="b")
    assert changes([here, there], [there, here]) == []
    assert [c.name for c in changes([here], [here, there])] == ["Deployment/b/d"]


def shown(report, format):
    text = render(report, None, format)
    return " ".join("".join(Page(text).words).split()) if format in MARKED else text


@pytest.mark.parametrize("seal", ["signed by 0123456789abcdef", "unsigned", "changed: objects.json"])
@pytest.mark.parametrize("format", FORMATS)
def test_every_format_says_what_the_seal_says(report, seal, format):
    assert seal in shown(report.model_copy(update={"seal": seal}), format)


def test_where_nothing_could_be_told_there_is_no_percentage(evidence):
    untold = (result("untold", Verdict.ERROR, 5, reason="x"), result("guard", Verdict.PASS, 0))
    report = report_of(evidence, untold, "A title")
    assert json.loads(shown(report, "json"))["percent"] is None
    properties = ElementTree.fromstring(shown(report, "junit")).iter("property")
    assert {p.get("name"): p.get("value") for p in properties}["percent"] == ""
    for format in ("terminal", "html"):
        assert "0 of 0 points (no percentage: nothing could be told)" in shown(report, format)
        assert "%" not in shown(report, "terminal")


def test_a_nodes_capacity_is_a_decision_and_its_heartbeat_is_not():
    def node(gpus, memory):
        capacity = {"nvidia.com/gpu": gpus, "memory": memory}
        annotations = {"node.alpha.kubernetes.io/ttl": memory}
        metadata = {"name": "n", "annotations": annotations}
        return {"kind": "Node", "metadata": metadata, "spec": {}, "status": {"capacity": capacity}}

    assert essence(node("1", "1Gi")) == essence(node("1", "2Gi"))
    (change,) = changes([node("1", "1Gi")], [node("4", "1Gi")])
    assert "+  nvidia.com/gpu: '4'" in change.lines
