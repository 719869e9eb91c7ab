"""What was measured, before against now: one set of figures, in words, in the terminal, on the page and drawn."""

import json
import re
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

import making
from making import APART, BESIDE_BATCH, EASY, FLOWING, LUMPED, SATURATED
from vlab import catalog
from vlab.cli import app
from vlab.evidence import Collected, load
from vlab.evidence.traffic import Traffic
from vlab.grading.run import report as report_of
from vlab.report import render
from vlab.report.measured import Figure, figures, in_words, notes, once, rows
from vlab.report.plots import plots

PLOTS = [
    "Requests in the engine",
    "KV cache",
    "Preemptions",
    "Time to first token, by when a request was due",
    "One answer as it arrived, a line a read",
]
OK = Collected(ok=True)
BOTH = dict.fromkeys(("objects", "load", "stream", "before"), OK)
REASON = "nothing was ready that could be measured"


@pytest.fixture
def recorded(tmp_path):
    """Evidence of what is given, of both loads and streams; `ended` says how collectors ended."""

    def made(ended=None, **known):
        return making.evidence(tmp_path / "e", making.deployed(), collectors=ended or BOTH, **known)

    return made


def sentences(evidence):
    return [row.sentence for row in rows(evidence).values()]


def shifted(measured, seconds):
    """The same load at another time."""
    moved = {
        "requests": tuple(
            r.model_copy(
                update={k: getattr(r, k) + seconds for k in ("intended", "sent", "first_token", "end")},
            )
            for r in measured.requests
        ),
        "metrics": tuple(s.model_copy(update={"t": s.t + seconds}) for s in measured.metrics),
        "loaded": measured.loaded.model_copy(update={"started": measured.loaded.started + seconds}),
    }
    return measured.model_copy(update=moved)


def beside(measured):
    """The same load with a second engine, of which the same was said a tenth of a second later."""
    second = tuple(s.model_copy(update={"t": s.t + 0.1, "pod": "vllm-server-2"}) for s in measured.metrics)
    both = sorted((*measured.metrics, *second), key=lambda s: s.t)
    return measured.model_copy(update={"metrics": tuple(both)})


def test_every_figure_is_told_before_and_now(recorded):
    assert sentences(recorded()) == [
        "reader: time to first token, p50: 4.75 s before, 0.500 s now (0.11 of before: better).",
        "reader: time to first token, p95: 9.03 s before, 0.500 s now (0.06 of before: better).",
        "reader: tokens a second in: 173.9 before, 800.0 now (4.6 times before: better).",
        "reader: tokens a second out: 173.9 before, 800.0 now (4.6 times before: better).",
        "request-seconds in the queue: 110.0 before, 0.0 now (none left: better).",
        "preemptions: 16 before, 0 now (none left: better).",
        "KV cache in use at most: 50% before, 50% now (as before).",
        "failed requests: 0 of 20 before, 0 of 20 now (as before).",
        "direct: reads for events: 65 for 65 before, 65 for 65 now (as before).",
        "direct: first piece after: 0.100 s before, 0.100 s now (as before).",
        "edge: reads for events: 1 for 65 (gzip) before, 65 for 65 now (65 times before: better).",
        "edge: first piece after: 2.00 s before, 0.100 s now (0.05 of before: better).",
    ]
    assert notes(recorded()) == []


def test_each_class_has_its_own(recorded):
    found = sentences(recorded(before=BESIDE_BATCH, after=APART))
    assert "chat: time to first token, p95: 3.80 s before, 0.385 s now (0.10 of before: better)." in found
    assert "batch: tokens a second in: 600.0 before, 400.0 now (0.67 of before: worse)." in found
    assert "batch: tokens a second out: 14.4 before, 9.6 now (0.67 of before: worse)." in found


def test_the_figures_are_those_that_graders_compare(recorded):
    evidence = recorded()
    found = figures(evidence.before, evidence.stream_before)
    was = Traffic(evidence.before)
    assert found["engines"]["preemptions"] == was.preemptions == 16
    assert found["engines"]["queued_request_seconds"] == was.waited == 110
    assert found["classes"]["reader"]["ttft_p95_seconds"] == was.of("reader").ttft(95)
    own = found["classes"]["reader"]
    assert own["tokens_in_per_second"] + own["tokens_out_per_second"] == was.tokens_per_second


@pytest.mark.parametrize(
    ("before", "now", "better", "words"),
    [
        (9.0, 1.5, -1, "0.17 of before: better"),
        (9.0, 1.5, 1, "0.17 of before: worse"),
        (9.0, 1.5, 0, "0.17 of before"),
        (10.0, 10.9, -1, "1.09 times before: much the same"),
        (10.0, 11.1, -1, "1.11 times before: worse"),
        (10.0, 9.1, 1, "0.91 of before: much the same"),
        (10.0, 8.9, 1, "0.89 of before: worse"),
        (10.0, 10.04, -1, "much the same"),
        (1.0, 65.0, 1, "65 times before: better"),
        (2.0, 9.0, 1, "4.5 times before: better"),
        (0.0, 3.0, -1, "none before: worse"),
        (16.0, 0.0, -1, "none left: better"),
        (16.0, 0.0, 1, "none left: worse"),
        (0.0, 0.0, -1, "as before"),
        (None, 1.0, -1, ""),
        (1.0, None, -1, ""),
    ],
)
def test_a_ratio_says_which_way_it_went(before, now, better, words):
    assert in_words(Figure((), "x", before, "", better), Figure((), "x", now, "", better)) == words


@pytest.mark.parametrize(
    ("known", "why"),
    [
        ({"workload": "another"}, "what was sent at the start was another load than now"),
        ({"via": "forward"}, "the load went by witness at the start, and by forward now"),
    ],
)
def test_loads_that_do_not_compare_have_no_ratio_and_say_why(recorded, known, why):
    other = making.measured(*EASY.requests, **known)
    evidence = recorded(after=other)
    found = rows(evidence)
    assert [at for at, row in found.items() if row.ratio] == [at for at in found if at[0] == "stream"]
    assert notes(evidence) == [f"The figures do not compare: {why}."]
    for format in ("terminal", "html"):
        assert why in " ".join(render(report_of(evidence, (), ""), evidence, format).split())


def test_what_changed_meanwhile_and_what_was_not_read_is_told(recorded):
    shaky = making.measured(*EASY.requests, unsteady="a pod came", metrics_errors={"timeout": 2}, not_sent=3)
    evidence = recorded(after=shaky)
    assert notes(evidence) == [
        "The figures do not compare: not the same engines to the end of the load now: a pod came.",
        "While it was measured now: a pod came.",
        "Some of the engines' metrics could not be read now: timeout 2.",
    ]
    assert "failed requests: 0 of 20 before, 0 of 20, 3 more not sent now." in sentences(evidence)


def test_without_a_start_what_there_is_is_shown_and_the_rest_said(recorded):
    evidence = recorded({"objects": OK, "load": OK, "stream": OK, "before": Collected(ok=False, reason="it is lost")})
    assert [row.before for row in rows(evidence).values()] == [""] * 12
    assert "preemptions: 0 now." in sentences(evidence)
    assert [p.title for p in plots(evidence)] == PLOTS
    assert all(p.summary.endswith("Not measured before.") for p in plots(evidence))
    assert notes(evidence) == [
        "No load was measured at the start, so there is nothing to compare with: it is lost.",
        "No stream was measured at the start, so there is nothing to compare with: it is lost.",
    ]


def test_a_load_that_could_not_be_sent_leaves_that_of_the_start(recorded):
    failed = Collected(ok=False, reason=REASON)
    evidence = recorded({"objects": OK, "load": failed, "stream": failed, "before": OK})
    assert "preemptions: 16 before." in sentences(evidence)
    assert [p.title for p in plots(evidence)] == PLOTS
    assert all(p.summary.endswith("Not measured now.") for p in plots(evidence))
    assert notes(evidence) == [f"No load was measured now: {REASON}.", f"No stream was measured now: {REASON}."]
    page = render(report_of(evidence, (), ""), evidence, "html")
    assert page.count(REASON) == 4  # beside the figures, and among what could not be recorded
    assert REASON in " ".join(render(report_of(evidence, (), ""), evidence, "terminal").split())


def test_nothing_is_said_where_nothing_is_measured(recorded):
    evidence = recorded({"objects": OK})
    assert (rows(evidence), notes(evidence), plots(evidence)) == ({}, [], [])
    assert "measured" not in render(report_of(evidence, (), ""), evidence, "terminal")
    assert "What was measured" not in render(report_of(evidence, (), ""), evidence, "html")


def test_a_scenario_with_a_load_only_says_nothing_of_streams(recorded):
    evidence = recorded({"objects": OK, "load": OK})
    assert [s for s in notes(evidence) if "stream" in s] == []
    assert [p.title for p in plots(evidence)] == PLOTS[:4]


def test_both_times_stand_in_the_same_axes_with_their_names(recorded):
    for plot in plots(recorded()):
        drawn = ElementTree.fromstring(plot.svg)
        words = ["".join(t.itertext()).strip() for t in drawn.iter("{http://www.w3.org/2000/svg}text")]
        named = ["edge, now", "edge, before"] if plot.title == PLOTS[4] else ["before", "now"]
        assert [w for w in words if w in named] == named
    dashed = [bool(re.search(r"stroke-dasharray: ?[1-9]", plot.svg)) for plot in plots(recorded())]
    assert dashed == [True, True, True, False, True]  # points are hollow instead


def test_numbers_in_words_stand_beside_each_plot(recorded):
    said = {plot.title: plot.summary for plot in plots(recorded())}
    assert said["Preemptions"] == "Preemptions: 16 before, 0 now (none left: better)."
    assert said["Requests in the engine"].startswith(
        "Waiting: at most 10 before, 0 now. Running: at most 1 before, 1 now."
    )
    assert said["KV cache"] == "KV cache in use at most: 50% before, 50% now (as before)."
    assert said[PLOTS[3]].startswith("Reader p50: 4.75 s before, 0.500 s now (0.11 of before: better).")


def test_each_load_begins_at_its_own_first_request(recorded, tmp_path):
    once_ = [plot.svg for plot in plots(recorded())]
    later = making.evidence(
        tmp_path / "later",
        making.deployed(),
        collectors=BOTH,
        after=shifted(EASY, 8192.0),
    )
    assert [plot.svg for plot in plots(later)] == once_


def test_engines_count_together(recorded):
    evidence = recorded(before=beside(SATURATED))
    said = {plot.title: plot.summary for plot in plots(evidence)}
    assert "Waiting: at most 20 before" in said["Requests in the engine"]
    assert said["Preemptions"].startswith("Preemptions: 32 before")
    assert said["KV cache"].startswith("KV cache in use at most: 50% before")


def test_a_burst_is_drawn_by_its_order_and_other_loads_by_time(recorded, tmp_path):
    assert "all due at once" in plots(recorded())[3].svg
    spread = making.measured(*(making.request(i, 0.5, intended=100.0 + i, end=120.0) for i in range(9)))
    later = making.evidence(tmp_path / "later", making.deployed(), after=spread)
    assert "all due at once" not in plots(later)[3].svg


def test_failed_requests_are_drawn_and_counted(recorded):
    gone = making.measured(*(r.model_copy(update={"error": "http_503", "first_token": None}) for r in EASY.requests))
    evidence = recorded(after=gone)
    found = sentences(evidence)
    assert "failed requests: 0 of 20 before, 20 of 20 now (none before: worse)." in found
    assert "reader: time to first token, p50: 4.75 s before, not known now." in found
    assert "failed now" in plots(evidence)[3].svg


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (None, "not asked"),
        (making.streamed(status=None, error="timeout", reads=0, events=0), "no answer, timeout"),
        (making.streamed(status=502, reads=0, events=0), "status 502"),
    ],
)
def test_a_stream_that_did_not_come_says_why(recorded, path, words):
    evidence = recorded(stream=FLOWING.model_copy(update={"edge": path}))
    assert f"edge: reads for events: 1 for 65 (gzip) before, {words} now." in sentences(evidence)
    assert f"edge: first piece after: 2.00 s before, {words} now." in sentences(evidence)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["$x$ \\frac{", "_hidden", "[red]</b>&", "x" * 200, "\n"])
def test_a_class_may_have_any_name(recorded, name):
    odd = making.measured(*(making.request(i, 0.5, of=name) for i in range(3)))
    evidence = recorded(before=odd, after=odd)
    assert [p.title for p in plots(evidence)] == PLOTS
    assert "50%" in render(report_of(evidence, (), ""), evidence, "terminal")
    assert ElementTree.fromstring(plots(evidence)[3].svg) is not None


def test_terminal_and_page_have_the_same_figures(recorded):
    evidence = recorded(before=BESIDE_BATCH, after=APART)
    report = report_of(evidence, (), "")
    terminal = render(report, evidence, "terminal")
    page = re.sub(r"<[^>]+>", " ", render(report, evidence, "html"))
    for row in rows(evidence).values():
        line = rf"{re.escape(row.name)}\s+{re.escape(row.before)}\s+{re.escape(row.now)}\s+{re.escape(row.ratio)}"
        assert re.search(line, terminal)
        assert re.search(line, page)


def test_what_was_measured_once_is_a_table_of_its_own():
    from rich.console import Console

    console = Console(width=70, color_system=None)
    with console.capture() as capture:
        console.print(once(BESIDE_BATCH, LUMPED))
    lines = [line.rstrip() for line in capture.get().splitlines()]
    assert len(lines) == 1 + 4 * 2 + 4 + 4
    assert re.fullmatch(r"chat: time to first token, p95 +3\.80 s", lines[2])
    assert re.fullmatch(r"edge: reads for events +1 for 65 \(gzip\)", lines[-2])


@pytest.mark.parametrize("as_json", [True, False])
def test_start_shows_what_was_measured(monkeypatch, tmp_path, as_json):
    import vlab.begin
    from vlab import measure, runs
    from vlab.cluster import lab

    now = datetime.now(UTC)
    run = runs.Run.model_construct(scenario="mixed-traffic", learner="ada", namespace="n", parameters={}, started=now)
    monkeypatch.setenv("VLAB_STATE", str(tmp_path))
    monkeypatch.setattr(lab, "get", lambda name: name)
    monkeypatch.setattr(vlab.begin, "begin", lambda *_, **__: run)
    monkeypatch.setattr(runs.Run, "folder", tmp_path)
    monkeypatch.setattr("vlab.deployment.names", lambda _: {})
    monkeypatch.setattr(measure, "read_before", lambda *_: measure.Before(load=BESIDE_BATCH))
    got = CliRunner().invoke(app, ["start", "mixed-traffic", *(["--json"] if as_json else [])])
    assert got.exit_code == 0, got.output
    if as_json:
        assert json.loads(got.stdout)["before"] == figures(BESIDE_BATCH, None)
        assert json.loads(got.stdout)["before"]["classes"]["chat"]["ttft_p95_seconds"] == pytest.approx(3.805)
    else:
        assert re.search(r"chat: time to first token, p95 +3\.80 s", got.stdout)


MEASURED = [
    (s, phase)
    for s in catalog.scenarios().values()
    if s.measured
    for phase in s.recorded
    if phase in ("faulty", "solved")
]


@pytest.mark.parametrize(("scenario", "phase"), MEASURED, ids=lambda v: getattr(v, "id", v))
def test_recorded_runs_have_every_figure_both_times(scenario, phase):
    evidence = load(scenario.recorded[phase])
    found = rows(evidence)
    assert found
    assert all(row.before and row.now and row.ratio for row in found.values())
    wanted = {"load": PLOTS[:4], "stream": PLOTS[4:]}
    assert [p.title for p in plots(evidence)] == [
        t for name in wanted if name in scenario.collect for t in wanted[name]
    ]
