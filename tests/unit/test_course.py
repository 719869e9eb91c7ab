"""The built site: strict, small, asks nobody; exercises are as their files say, and no page gives a cause away."""

import html
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from vlab import catalog, deployment, paths
from vlab.cluster import lab as labs
from vlab.cluster import rights
from vlab.errors import LabError
from vlab.evidence import load
from vlab.evidence.traffic import Traffic
from vlab.grading import grade_exercise
from vlab.grading.load import checks_in
from vlab.report import words as report_words
from vlab.site import figures, pages, reports

pytest.importorskip("mkdocs")
pytestmark = pytest.mark.timeout(300)  # the site is built once, on a machine that may do other things as well

ROOT = Path(__file__).parents[2]
SCENARIOS = catalog.scenarios().values()
FOLD = re.compile(r"<details>.*?</details>", re.DOTALL)
TASK = """# Task 1: a place in {namespace}

Ask what `{instance}` has. `vlab grade {exercise}` judges it.
"""
FACTS = {
    "id": "a-task",
    "title": "A place",
    "task": 1,
    "minutes": 5,
    "checks": ["serving"],
    "grader": "test_shm_missing.py",
    "real": "the scheduler",
    "not_shown": "drivers",
    "expected": "shm-is-memory",
    "collect": ["objects"],
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    made = tmp_path_factory.mktemp("site")
    known = {k: v for k, v in os.environ.items() if k != "VLAB_SOLUTIONS"} | {"NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", made]
    ended = subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
    return made


def page(site, name):
    return (site / name / "index.html").read_text()


def words(text):
    """Lower case, without punctuation; a name such as vllm:num_requests_waiting is one word."""
    return [word.strip(":.-/") for word in re.findall(r"[a-z0-9][\w:./-]*", html.unescape(text).lower())]


def told(scenario, name="solution/README.md"):
    """A text of a scenario at both ends of its parameters."""
    return [scenario.text(name, scenario.end(last)) for last in (False, True)]


def runs_of(text, length=7):
    found = words(text)
    return {" ".join(found[i : i + length]) for i in range(len(found) - length + 1)}


def everything(site):
    """What a reader, a search or a look at the source may find, by file."""
    for file in sorted(site.rglob("*")):
        if file.suffix in (".html", ".json", ".xml", ".svg", ".css", ".txt") and "/javascripts/" not in str(file):
            yield str(file.relative_to(site)), file.read_text()


def public(site):
    """The same without the quiz, which asks about the same faults and has its answers."""
    for name, text in everything(site):
        if name == "search/search_index.json":
            found = json.loads(text)["docs"]
            yield name, json.dumps([d for d in found if not d["location"].startswith("quiz/")], ensure_ascii=False)
        elif not name.startswith("quiz/"):
            yield name, text


def leaves(value):
    if isinstance(value, dict):
        return {leaf for inner in value.values() for leaf in leaves(inner)}
    if isinstance(value, list):
        return {leaf for inner in value for leaf in leaves(inner)}
    return {line.strip() for line in str(value).splitlines()}


def fault_of(scenario, last):
    """What is in a faulty deployment's objects only, at one end of the parameters, if it is long enough to tell."""
    profile = scenario.needs.profiles[0]
    lab = labs.new("test", "kind-built", None, profile, 4, "kind-test")
    made = deployment.rendered(lab, scenario, "me", "llm-demo", scenario.end(last, profile))
    return {leaf for leaf in leaves(made.faulty.objects) - leaves(made.healthy.objects) if len(leaf) > 8}


def test_it_is_small(site):
    assert sum(f.stat().st_size for f in site.rglob("*") if f.is_file()) < 10_000_000
    assert max(f.stat().st_size for f in site.rglob("*.html")) < 500_000


def test_no_request_leaves_the_browser(site):
    for name, text in everything(site):
        fetched = re.findall(r"""<(?:script|img|iframe|source|video|use)\b[^>]*?(?:src|href|data)=["']([^"']+)""", text)
        for link in re.findall(r"<link\b[^>]+>", text):
            if re.search(r"rel=[\"']?(?:stylesheet|icon|preload|preconnect|dns-prefetch|prefetch)", link):
                fetched += re.findall(r"""href=["']([^"']+)""", link)
        fetched += re.findall(r"""@import\s+["']?(?:url\()?["']?([^"')]+)""", text)
        fetched += re.findall(r"""url\(["']?([^"')]+)""", text)
        assert [f for f in fetched if re.match(r"(https?:)?//", f)] == [], name
        assert 'class="mermaid' not in text, f"{name}: the theme would fetch a script for it"


def test_the_search_has_a_name_and_code_can_be_copied(site):
    assert re.search(r'role="dialog" aria-label="Search"', page(site, "course"))
    assert "content.code.copy" in page(site, "course")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.id)
def test_a_scenario_has_a_page_as_its_files_say(site, scenario):
    text = page(site, f"exercises/{scenario.id}")
    read = " ".join(words(re.sub(r"<[^>]+>", " ", text)))
    assert " ".join(words(scenario.title)) in read
    assert f"Task {scenario.task} of the course" in text
    assert f"about {scenario.minutes} minutes" in text
    for check in checks_in(*scenario.graders):
        assert " ".join(words(f"{check.title} {check.id}")) in read
        if check.points:
            assert re.search(rf"<code>{check.id}</code>\)</td>\s*<td>{check.points}</td>", text)
    for key, heading in pages.LEDGER.items():
        said = re.escape(getattr(scenario, key))
        assert re.search(rf"<dt>{heading}</dt>\s*<dd>{said}</dd>", html.unescape(text))
    assert f"vlab start {scenario.id}" in re.sub(r"<[^>]+>", "", text)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.id)
def test_what_says_more_than_the_brief_is_folded(site, scenario):
    text = page(site, f"exercises/{scenario.id}")
    summaries = re.findall(r"<summary>(.*?)</summary>", text)
    assert [s for s in summaries if s.startswith("Hint")] == [
        "Hint 1: where to look",
        "Hint 2: what it means",
        "Hint 3: what to change",
    ]
    assert "<details open" not in text
    open_text = " ".join(words(re.sub(r"<[^>]+>", " ", FOLD.sub("", text))))
    for hint in scenario.hints(scenario.end(False)):
        assert not {run for run in runs_of(hint) if run in open_text}
    for key in pages.LEDGER:
        assert getattr(scenario, key) not in html.unescape(FOLD.sub("", text))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.id)
def test_nothing_tells_the_solution(site, scenario):
    solutions = {run for text in told(scenario) for run in runs_of(text)}
    typed = {line.strip() for line in (scenario.folder / "solution/apply.sh").read_text().splitlines()[1:]}
    typed = {line for line in typed if len(line) > 20 and not line.startswith("set ")}
    assert solutions and typed
    for name, text in public(site):
        if name != f"exercises/{scenario.id}/index.html":
            text = FOLD.sub("", text)  # hints of another exercise, which are to be unfolded
        here = " ".join(words(re.sub(r"<[^>]+>", " ", text)))
        assert not {run for run in solutions if run in here}, name
        assert not {line for line in typed if line in html.unescape(text)}, name


def test_most_faults_have_something_to_look_for():
    told_by = {s.id for s in SCENARIOS if fault_of(s, False)}
    assert told_by >= {"four-gpu-pending", "cache-saturated", "ingress-buffered", "leaked-gpu"}
    assert "--num-gpu-blocks-override=120" in fault_of(catalog.scenario("cache-saturated"), True)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.id)
def test_nothing_tells_the_fault(site, scenario):
    values = fault_of(scenario, False) | fault_of(scenario, True)
    flags = {f"--{name}" for name in scenario.fault.values.get("server", {}).get("flags", {})}
    mendings = {p.parent.name for kind in ("also", "wrong") for p in (scenario.folder / kind).glob("*-*/apply.sh")}
    for name, text in public(site):
        plain = html.unescape(re.sub(r"<[^>]+>", "", text))
        assert not {v for v in values | {v.replace("=", " ", 1) for v in values} if v in plain}, name
        assert not {m for m in mendings if re.search(rf"(?<![\w-]){m}(?![\w-])", text)}, name
    own = html.unescape(FOLD.sub("", page(site, f"exercises/{scenario.id}")))
    assert not {flag for flag in flags if flag in own}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.id)
def test_a_search_finds_no_hint(site, scenario):
    found = dict(public(site))["search/search_index.json"]
    index = " ".join(words(re.sub(r"<[^>]+>", " ", found)))
    assert " ".join(words(scenario.title)) in index
    for hint in scenario.hints(scenario.end(False)):
        assert not {run for run in runs_of(hint) if run in index}


def test_solutions_are_there_where_they_are_asked_for():
    without, with_them = (
        {e.id: " ".join(words(e.text)) for e in pages.exercises((), wanted)} for wanted in (False, True)
    )
    for scenario in SCENARIOS:
        told_first = runs_of(told(scenario)[0])
        assert told_first
        assert all(run in with_them[scenario.id] for run in told_first)
        assert not any(run in without[scenario.id] for run in told_first)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.id)
def test_a_scenario_is_reached_from_its_symptom_and_from_its_task(site, scenario):
    flow = re.search(r'<ol class="vlab-flow">.*</ol>', page(site, "course/06-operating"), re.DOTALL)
    link = f'href="../../exercises/{scenario.id}/"'
    assert flow and link in flow[0]
    assert any(link in page(site, f.parent.relative_to(site)) for f in site.glob("course/0[1-5]*/index.html"))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.id)
def test_a_scenario_leads_to_what_there_is_to_read(site, scenario):
    text = page(site, f"exercises/{scenario.id}")
    beside = text[text.index('id="goes-with"') : text.index("</article>")]
    assert re.search(r'<li>Course: <a href="\.\./\.\./course/0[1-6]', beside)


def test_a_task_comes_before_what_can_break_in_it(tmp_path, monkeypatch):
    (tmp_path / "a-task").mkdir()
    (tmp_path / "a-task/hints.md").write_text(
        "## Where to look\n\nIn {namespace}.\n\n## What to change\n\n### No\n\nIt.\n"
    )
    (tmp_path / "01-a-task.md").write_text(f"---\n{yaml.safe_dump(FACTS)}---\n{TASK}")
    elsewhere = paths.data
    monkeypatch.setattr(paths, "data", lambda name: tmp_path if name == "labs" else elsewhere(name))
    found = pages.exercises(tasks=catalog.tasks.__wrapped__().values())
    assert [e.id for e in found if e.task == 1] == ["a-task", "four-gpu-pending"]
    text = found[0].text
    assert text.startswith("# Task 1: a place in llm-demo\n")
    assert "`vlab grade a-task`" in text
    assert f"Ask what `{pages.INSTANCE}` has." in text
    assert f"shows this text too; there it names your lab by its own number in the place of `{pages.INSTANCE}`." in text
    assert "<summary>Hint 1: where to look</summary>\n\nIn llm-demo.\n\n</details>" in text
    assert "<summary>Hint 2: what to change</summary>\n\n### No\n\nIt.\n\n</details>" in text
    assert "vlab hint a-task" in text
    assert "(`shm-is-memory`) | 2 |" in text
    assert "<dt>Real here</dt><dd>the scheduler</dd>" in text and "<dt>Simulated</dt>" not in text
    assert "(a-task.md) (task, about 5 minutes)" in pages.index(found)
    assert text.endswith(
        "## Goes with\n\n- Scenario: [Four idle GPUs and a pod that will not start](four-gpu-pending.md)"
    )
    assert found[1].text.endswith("## Goes with\n\n- Task: [Task 1: a place in llm-demo](a-task.md)")


@pytest.mark.parametrize("task", catalog.tasks().values(), ids=lambda t: t.id)
def test_a_task_can_be_followed_as_it_stands(site, task):
    """Every name has a value, the same that a start gives it on a lab that was built here; only a lab's own differ."""
    lab = labs.new("vlab", "kind-built", None, "cpu", 4, "kind-vlab").model_copy(update={"instance": pages.INSTANCE})
    made = deployment.rendered(lab, task, "me", "llm-demo", task.draw("me"))
    known = pages.example(task)
    assert {known[name] for name in ("namespace", "learner", "instance")} == {"llm-demo", "me", pages.INSTANCE}
    assert (known["image"], known["model"]) == (made.values["server"]["image"], made.values["server"]["model"])
    assert made.values["parameters"].items() <= known.items()
    named = set(re.findall(r"\{([a-z_]+)\}", task.brief({}))) & known.keys()
    text = html.unescape(re.sub(r"<[^>]+>", "", page(site, f"exercises/{task.id}")))
    assert named and not {name for name in known if f"{{{name}}}" in text}
    assert not [name for name, text in everything(site) if str(paths.state()) in text]


def test_every_figure_is_on_a_page_and_says_where_it_was_recorded(site):
    wanted = {
        n for f in (ROOT / "site/course").glob("*.md") for n in re.findall(r"<!-- figure: (\S+) -->", f.read_text())
    }
    assert wanted == set(figures.names())
    shown = [fig for _, text in everything(site) for fig in re.findall(r"<figure.*?</figure>", text, re.DOTALL)]
    assert len(shown) == len(wanted)
    for text in shown:
        assert "<svg" in text and "currentColor" in text
        assert re.search(r"<small>Recorded on \d+ \w+ \d{4}: vLLM \d.*(cores|shape)\.</small>", text)
        assert not any(s.id in text for s in SCENARIOS)
    assert not [name for name, text in everything(site) if "<!-- figure" in text or "<!-- practise" in text]


def test_the_plan_of_half_a_day_has_the_minutes_of_the_exercises():
    plan = (ROOT / "site/guides/instructor.md").read_text()
    rows = re.findall(r"^\| (\d+) \| .* \| (?:`([a-z-]+)`)? ?\|$", plan, re.MULTILINE)
    known = catalog.exercises()
    assert sum(int(minutes) for minutes, _ in rows) == 240
    assert {name: int(minutes) for minutes, name in rows if name} == {
        name: known[name].minutes for _, name in rows if name
    }
    left = dict(re.findall(r"`([a-z-]+)` with (\d+)", plan))
    assert known.keys() == left.keys() | {name for _, name in rows if name}
    assert all(known[name].minutes == int(minutes) for name, minutes in left.items())


def test_a_report_on_a_page_is_that_of_the_recorded_run_and_no_search_finds_it(site):
    text = page(site, "guides/grading")
    folded = re.compile(r"<details data-search-exclude>.*?</details>", re.DOTALL)
    folds = folded.findall(text)
    for fold, phase in zip(folds, ("faulty", "solved"), strict=True):
        scenario = catalog.scenario("shm-missing")
        judged = grade_exercise(load(scenario.recorded[phase]), scenario)
        assert f"<summary>{report_words.outcome(judged)}</summary>" in fold
        shown = " ".join(words(re.sub(r"<[^>]+>", " ", fold)))
        assert all(" ".join(words(check.title)) in shown for check in judged.checks)
    assert "CrashLoopBackOff" in folds[0] and "CrashLoopBackOff" not in folded.sub("", text)
    assert "CrashLoopBackOff" not in dict(public(site))["search/search_index.json"]
    with pytest.raises(LabError, match="no recorded run 'mended'"):
        reports.report("shm-missing/mended")


def test_the_rights_on_a_page_are_those_that_are_asked_for(site):
    text = html.unescape(re.sub(r"<[^>]+>", "", page(site, "guides/gpu-cluster")))
    role = yaml.safe_load(re.search(r"apiVersion: rbac.*?(?=\n\n)", text, re.DOTALL)[0])
    asked = {(r["apiGroups"][0], r["resources"][0]): tuple(r["verbs"]) for r in role["rules"]}
    assert role["kind"] == "ClusterRole" and asked == rights.NEEDED


def test_figures_have_the_numbers_of_the_runs():
    scenario = catalog.scenario("cache-saturated")
    small, large = (load(scenario.recorded[phase]) for phase in ("faulty", "healthy"))
    was, becomes = Traffic(small.before), Traffic(large.after)
    assert was.preemptions > becomes.preemptions == 0
    said = figures.figure("preemptions").words
    assert said == f"Preemptions: {was.preemptions:.0f} in a pool too small for it, 0 in a large pool."
    assert f"p95: {was.ttft(95):.2f} s in a pool too small for it, " in figures.figure("first-token").words
    eight = Traffic(load(catalog.exercise("load-test").recorded["solved"]).loads[0])
    assert f"8 at once: {eight.tokens_per_second:.0f} in all, " in figures.figure("concurrency").words
    stream = load(catalog.scenario("ingress-buffered").recorded["faulty"]).stream_before
    assert (
        f"From the engine: {stream.direct.events} events in {stream.direct.reads} reads"
        in figures.figure("stream").words
    )
    assert f"{stream.edge.events} events in {figures._number(stream.edge.reads)}, " in figures.figure("stream").words


def test_what_the_reader_drives_has_the_numbers_of_the_runs(site):
    text = page(site, "course/drive")
    data = json.loads(re.search(r'<script type="application/json" id="vlab-runs">(.*?)</script>', text)[1])
    scenario = catalog.scenario("cache-saturated")
    small, large = (load(scenario.recorded[phase]) for phase in ("faulty", "healthy"))
    assert set(data) == {"small", "large", "small-gpu", "large-gpu"}
    for name, measured in (("small", small.before), ("large", large.after)):
        run, traffic = data[name], Traffic(measured)
        assert run["samples"]["preemptions"][-1] == traffic.preemptions
        assert max(run["samples"]["used"]) == round(traffic.cache * (run["blocks"] - 1))
        assert len(run["samples"]["t"]) == len(measured.metrics)
        asked = sorted((r.prompt_tokens, r.output_tokens) for r in traffic.requests)
        assert sorted((r["prompt"], r["output"]) for r in run["requests"]) == asked
    assert data["small"]["samples"]["preemptions"][-1] > 0 == data["large"]["samples"]["preemptions"][-1]


def test_every_sample_is_in_a_table_that_is_named_and_headed(site):
    text = page(site, "course/drive")
    data = json.loads(re.search(r'id="vlab-runs">(.*?)</script>', text)[1])
    tables = re.findall(r'<table class="vlab-table"><caption>(.*?)</caption>(.*?)</table>', text, re.DOTALL)
    assert [caption.partition(": every sample")[0] for caption, _ in tables] == [run["title"] for run in data.values()]
    for (_, table), run in zip(tables, data.values(), strict=True):
        assert table.count('<th scope="col">') == len(run["samples"])
        assert re.findall(r'<th scope="row">(.*?)</th>', table) == [f"{t:.2f}" for t in run["samples"]["t"]]
    assert "every sample" not in dict(public(site))["search/search_index.json"]


def test_its_scripts_are_modules_of_the_site(site):
    for name in ("drive", "quiz"):
        assert (site / f"assets/{name}.js").is_file()
    assert re.search(r'<script src="../../assets/drive.js" type="module">', page(site, "course/drive"))
    imported = re.findall(r'from "(.*?)"', (site / "assets/drive.js").read_text())
    assert imported == ["./scheduler.js"] and (site / "assets/scheduler.js").is_file()
