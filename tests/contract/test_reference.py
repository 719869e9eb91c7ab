"""The reference in the built site: every command, option, exit code, check, field and metric is there, with words."""

import ast
import html
import json
import os
import re
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import jsonschema
import pytest
import typer
import yaml

from vlab import catalog, cli, docstrings, paths
from vlab.errors import Exit, LabError
from vlab.evidence import metrics
from vlab.grading.load import SAFEGUARDS, checks_in, unordered
from vlab.load import workload
from vlab.site.reference import DOCUMENTS

pytest.importorskip("mkdocs")
pytestmark = pytest.mark.timeout(300)  # the site is built once, on a machine that may do other things as well

ROOT = Path(__file__).parents[2]
GRADERS = sorted([*paths.data("graders").glob("test_*.py"), *paths.data("graders").glob("shared/*.py")])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("built") / "site"
    known = {k: v for k, v in os.environ.items() if k != "VLAB_SOLUTIONS"}
    command = [sys.executable, "-c", "from vlab.cli import main; main()", "site", "--build", str(folder)]
    ended = subprocess.run(command, env=known, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, f"{folder}/index.html\n"), ended.stderr
    assert [line for line in ended.stderr.splitlines() if not re.match(r"[…✓] build the site ", line)] == []
    return folder


def words(text):
    """What is read of HTML, or of a docstring, without what only sets it."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", text)).split())


def said(docstring):
    return " ".join(docstring.replace("`", "").split())


def sections(site, name):
    """The HTML below each heading of a page, by the heading's id; what is above the first by none."""
    text = (site / "reference" / name / "index.html").read_text()
    article = text[text.index("<article") : text.index("</article>")]
    first, *parts = re.split(r'<h[2-6] id="([^"]+)">', article)
    return {"": first, **dict(zip(parts[::2], parts[1::2], strict=True))}


def rows(section):
    """Each row of the tables: what is read in its cells, by the first."""
    found = {}
    for row in re.findall(r'<tr><th scope="row">.*?</tr>', section, re.DOTALL):
        first, *rest = [words(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
        assert first not in found
        found[first] = rest
    return found


def every_command():
    """All commands with their contexts, by what is typed."""

    def below(group, context):
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            inner = typer.Context(command, parent=context, info_name=name)
            yield inner.command_path, command, inner
            if hasattr(command, "list_commands"):
                yield from below(command, inner)

    group = typer.main.get_command(cli.app)
    yield from below(group, typer.Context(group, info_name="vlab"))


def test_every_command_and_option_is_there_with_words(site):
    shown = sections(site, "commands")
    known = {path: (command, context) for path, command, context in every_command()}
    assert {"vlab grade", "vlab load run", "vlab cache export", "vlab site"} <= known.keys()
    assert {path.replace(" ", "-") for path in known} == shown.keys() - {""}
    for path, (command, context) in known.items():
        section = shown[path.replace(" ", "-")]
        assert command.help, f"{path} has no docstring"
        assert said(command.help) in words(section.replace("</p>", " ")), path
        table = rows(section)
        for each in command.params:
            if each.opts == ["--help"]:
                continue
            assert each.help, f"{path}: {each.opts[0]} has no help"
            names, _ = each.get_help_record(context)
            meaning, more = table.pop(names)
            assert meaning == said(each.help)
            assert ("required" in more) == each.required
            assert (each.envvar or "") in more
            if each.default not in (None, False, ""):
                assert f"default {each.default}" in more, f"{path}: {names}"
        assert table == {}


def test_every_exit_code_is_there_with_words(site):
    meant = docstrings.of_attributes(Exit)
    assert meant.keys() == {code.name for code in Exit}
    assert rows(sections(site, "exit-codes")[""]) == {str(int(code)): [said(meant[code.name])] for code in Exit}


@pytest.mark.parametrize("grader", GRADERS, ids=lambda f: f.stem)
def test_every_check_is_there_with_its_exercises(site, grader):
    section = sections(site, "checks")[grader.stem.removeprefix("test_").replace("_", "-")]
    table = rows(section)
    for check in unordered(grader):
        statement, points, needs = table.pop(check.id)
        assert statement == said(check.title)
        assert points == str(check.points or "-")
        spelled = ["all safeguards" if need == SAFEGUARDS else need for need in check.needs]
        assert needs == (", ".join(spelled) or "-")
    assert table == {}
    used = [e.id for e in catalog.exercises().values() if grader in (*e.graders, *e.graders_apart.values())]
    assert re.findall(r'href="../../exercises/([a-z0-9-]+)/"', section) == used
    assert used, f"{grader.name} is in no exercise"


def test_every_graded_check_is_in_some_grader():
    known = {check.id for grader in GRADERS for check in unordered(grader)}
    for each in catalog.exercises().values():
        assert {c.id for c in checks_in(*each.graders)} <= known


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_field_is_there_with_words(site, name):
    shown = sections(site, name)
    for file, schema in DOCUMENTS[name].schemas.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        link = re.search(rf'<th scope="row"><code>{file}</code></th>.*?href="\.\./(\S+?)" download', shown[""])
        assert json.loads((site / "reference" / link[1]).read_text()) == schema
        own = DOCUMENTS[name].types[file]
        models = {**schema.get("$defs", {}), **({own.__name__: schema} if "properties" in schema else {})}
        for model, each in models.items():
            section = shown[f"model-{model.lower()}"]
            assert each.get("description") or "oneOf" in each, f"{model} has no docstring"
            assert said(each.get("description", "")) in words(section)
            table = rows(section)
            if "oneOf" in each:
                assert table == {one["const"]: [said(one["description"])] for one in each["oneOf"]}
                assert all(map(all, table.values())), f"{model}: a word without a meaning"
            for field, of in each.get("properties", {}).items():
                assert of.get("description"), f"{model}.{field} has no docstring"
                if model == "Task" and field not in table:  # it is the same in a scenario
                    table = table | {field: rows(shown["model-scenario"])[field]}
                kind, meaning, _ = table[field]
                assert kind and meaning == said(of["description"])


def written():
    """Files of the kinds that people write, as the repository has them."""
    for each in catalog.scenarios().values():
        yield "scenario", "scenario.yaml", yaml.safe_load((each.folder / "scenario.yaml").read_text())
    for task in catalog.tasks().values():
        yield "scenario", "task.yaml", yaml.safe_load(task.page.read_text().split("---\n")[1])
    for file in paths.data("scenarios").glob("*/rubric.yaml"):
        yield "rubric", "rubric.yaml", yaml.safe_load(file.read_text())
    for packaged in workload.packaged().values():
        yield "workload", "workload.yaml", yaml.safe_load(packaged.read_text())


def test_the_schemas_let_through_what_there_is_and_no_other_key():
    seen = set()
    for name, file, value in written():
        checker = jsonschema.Draft202012Validator(DOCUMENTS[name].schemas[file])
        assert [e.message for e in checker.iter_errors(value)] == []
        assert not checker.is_valid({**value, "titel": "x"})
        seen.add(file)
    assert seen == {"scenario.yaml", "task.yaml", "rubric.yaml", "workload.yaml"}


@pytest.mark.parametrize(
    ("arrival", "length", "right"),
    [
        ({"loop": "closed", "users": 1}, 5, True),
        ({"loop": "open", "rate": 0.5}, {"distribution": "uniform", "low": 1, "high": 9}, True),
        ({"users": 1}, 5, False),
        ({"loop": "closed", "users": 1}, {"value": 5}, False),
        ({"loop": "closed", "users": 1}, 0, False),
    ],
)
def test_the_schema_of_a_workload_says_what_vlab_says(arrival, length, right):
    one = {"name": "a", "requests": 3, "arrival": arrival, "prompt": {"words": 30}, "output_tokens": length}
    checker = jsonschema.Draft202012Validator(DOCUMENTS["workload"].schemas["workload.yaml"])
    assert checker.is_valid({"classes": [one]}) == right
    with nullcontext() if right else pytest.raises(LabError):
        workload.checked({"classes": [one]}, "a file")


def test_every_metric_that_is_read_by_name_is_there(site):
    shown = sections(site, "metrics")
    read = set()
    for file in (ROOT / "src/vlab").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                read |= set(re.findall(r"^\^?(vllm:[a-z][a-z0-9_]+)", node.value))
    assert {"vllm:cache_config_info", "vllm:inter_token_latency_seconds_count"} <= read
    now, before = rows(shown["read-by-name"]), rows(shown["names-that-have-changed"])
    known = {*now, *before, *(kind for kind, _ in before.values())}
    bare = {metrics.split_name(name)[0] for name in known}
    assert {metrics.split_name(name)[0] for name in read} - bare == set()
    assert all(meaning for meaning, _ in now.values())
    assert before.keys() == {renamed.old for renamed in metrics.RENAMED}
    for renamed in (r for r in metrics.RENAMED if not r.as_rate):
        (older,) = (older for name, (_, older) in now.items() if metrics.split_name(name)[0] == renamed.current)
        assert renamed.old in older


def test_every_page_of_it_is_in_the_navigation(site):
    made = {f"reference/{folder.parent.name}/" for folder in site.glob("reference/*/index.html")}
    linked = set(re.findall(r'href="(reference/[a-z-]+/)"', (site / "index.html").read_text()))
    assert made == linked and len(made) > 8
