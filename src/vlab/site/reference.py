"""The reference's pages, in Markdown, from the program itself: its commands, exit codes, files, metrics and checks.

Tables and docstrings come as HTML, as they are not written for Markdown: a name may have a `*` in it, a type a `|`.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import typer
from pydantic.json_schema import JsonSchemaMode
from typer.core import TyperGroup

from vlab import catalog, docstrings
from vlab.catalog import Exercise, Scenario, Task
from vlab.errors import Exit
from vlab.evidence import metrics
from vlab.evidence import schema as schemas
from vlab.evidence.files import HEADER
from vlab.evidence.models import PARTS
from vlab.grading.check import Check
from vlab.grading.load import SAFEGUARDS, unordered
from vlab.load.workload import Workload
from vlab.model import Report
from vlab.rubric.model import Rubric
from vlab.site import pages

FOLDER = "reference"
"""Of the site, where these pages are."""

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Document:
    """A kind of file that people or vlab write."""

    title: str
    about: str
    """In Markdown."""
    types: Mapping[str, Any]
    """By file, the type of what it holds, or of one line of it."""
    mode: JsonSchemaMode
    """serialization: vlab writes it; validation: people do."""

    @property
    def schemas(self) -> dict[str, dict[str, Any]]:
        """The JSON schema of each file, by the file."""
        return {file: schemas.schema(file, of, self.mode) for file, of in self.types.items()}


EVIDENCE = Document(
    "Evidence",
    "What `vlab grade` records of a deployment: a folder, or a zip file of one. A grading reads this and nothing else. "
    "Beside these files lie the texts in `logs/` and `answers/`, `MANIFEST` with the SHA-256 of every file, as "
    "`sha256sum --check` reads it, and `MANIFEST.sig`, its signature.",
    schemas.EVIDENCE,
    "serialization",
)
DOCUMENTS = {
    "evidence": EVIDENCE,
    "report": Document(
        "Report",
        "What `vlab grade --json` prints, and what is kept as `report.json` beside the evidence.",
        {"report.json": Report},
        "serialization",
    ),
    "scenario": Document(
        "Scenarios and tasks",
        "A scenario is a folder with a `scenario.yaml`. A task is a page in `labs/` that begins with the same facts, "
        "between two lines of `---`. Text in `values` and in the fault may use parameters: `{{ pool_blocks }}`.",
        {"scenario.yaml": Scenario, "task.yaml": Task},
        "validation",
    ),
    "workload": Document(
        "Workload",
        "A load for `vlab load run`, in YAML: what is sent, how much of it, and when. `vlab load list` shows those "
        "that come with vlab.",
        {"workload.yaml": Workload},
        "validation",
    ),
    "rubric": Document(
        "Rubric",
        "What a right recommendation says about a scenario, in `rubric.yaml` beside its `scenario.yaml`. The names are "
        "those of the vocabulary, which knows how people say them.",
        {"rubric.yaml": Rubric},
        "validation",
    ),
}


def generated(group: TyperGroup) -> dict[str, str]:
    """Every page and every JSON schema, by its file among the site's sources; pages in the order of the navigation.

    Args:
        group: the command line.
    """
    made = {
        "commands.md": commands(group),
        "exit-codes.md": exit_codes(),
        **{f"{name}.md": document(each) for name, each in DOCUMENTS.items()},
        "metrics.md": metric_names(),
        "checks.md": checks(),
        **{
            _schema_file(file): json.dumps(schema, indent=2) + "\n"
            for each in DOCUMENTS.values()
            for file, schema in each.schemas.items()
        },
    }
    return {f"{FOLDER}/{name}": text for name, text in made.items()}


def _schema_file(file: str) -> str:
    return f"schemas/{schemas.name_of(file)}"


# Commands


def commands(group: TyperGroup) -> str:
    """Every command with its arguments and options, as `--help` tells them."""
    about = (
        "`--help` behind a command shows its part of this page. Data goes to stdout, messages to stderr. How a command "
        "ended is told by its [exit code](exit-codes.md)."
    )
    return "\n\n".join(["# Commands", about, *_inner(group, typer.Context(group, info_name="vlab"))])


def _inner(group: TyperGroup, context: Any) -> Iterable[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            yield from _command(command, typer.Context(command, parent=context, info_name=name))


def _command(command: Any, context: Any) -> Iterable[str]:
    """A command's part, and those of the commands below it."""
    depth = len(context.command_path.split())
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"{'#' * depth} {context.command_path}"
    yield _prose(command.help or "")
    yield f"```text\n{usage}\n```"
    shown = [p for p in command.params if not p.hidden]
    for kind, heading in (("argument", "Argument"), ("option", "Option")):
        if rows := [_parameter(p, context) for p in shown if p.param_type_name == kind]:
            yield _table([heading, "Meaning", "Default, range"], rows)
    if isinstance(command, TyperGroup):
        yield from _inner(command, context)


def _parameter(parameter: Any, context: Any) -> list[str]:
    """How it is written, what it is for, and what the help has behind that in brackets."""
    names, text = parameter.get_help_record(context)
    found = re.fullmatch(r"(?P<words>.*?)\s*(?:\[(?P<more>[^\[\]]*)\])?", text, re.DOTALL)
    more = found["more"] if found and found["more"] else ""
    parts = [part.partition(": ") for part in more.split("; ") if part]
    return [
        _code(names),
        _text(found["words"] if found else text),
        "; ".join(f"{escape(key)} {_code(value)}" if value else _bare(key) for key, _, value in parts),
    ]


def _bare(word: str) -> str:
    return word if word.isalpha() else _code(word)


# Exit codes


def exit_codes() -> str:
    """Every exit code and what it means."""
    words = docstrings.of_attributes(Exit)
    rows = [[str(int(code)), _text(words.get(code.name, ""))] for code in Exit]
    about = (
        "An error is one line that says what is wrong and one line, `hint:`, that says what to do. Both go to stderr; "
        "stdout has data only."
    )
    return "\n\n".join(["# Exit codes", about, _table(["Code", "Meaning"], rows)])


# Files


def document(about: Document) -> str:
    """A page about a kind of file: where its schemas are, then a table for each model."""
    models: dict[str, Schema] = {}
    rows = []
    for file, schema in about.schemas.items():
        own = _models(schema, about.types[file])
        root = {"$ref": f"#/$defs/{next(iter(own))}"} if own and schema.get("type") != "array" else schema
        rows.append([_code(file), *_held(file, root), _link(_schema_file(file))])
        models |= {name: model for name, model in own.items() if name not in models}
    headings = ["File", "Holds", *(["Recorded by"] if about is EVIDENCE else []), "JSON schema"]
    return "\n\n".join([f"# {about.title}", about.about, _table(headings, rows), *_sections(models)])


def _held(file: str, root: Schema) -> list[str]:
    part = next((part for part in PARTS.values() if part.file == file), None)
    if part is not None:
        return [f"{_kind(root)}, one a line" if part.lines else _kind(root), _code(part.collector)]
    return [_kind(root), "always"] if file == HEADER else [_kind(root)]


def _models(schema: Schema, of: Any) -> dict[str, Schema]:
    """The models of a schema by name, each after what leads to it."""
    known = dict(schema.get("$defs", {}))
    if "properties" in schema:
        known[of.__name__] = {k: v for k, v in schema.items() if k != "$defs"}
        waiting = [of.__name__]
    else:
        waiting = _referred({k: v for k, v in schema.items() if k != "$defs"})
    found: dict[str, Schema] = {}
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found[name] = known[name]
            waiting += _referred(known[name])
    return found


def _referred(schema: Schema) -> list[str]:
    return re.findall(r'"#/\$defs/(\w+)"', json.dumps(schema))


def _sections(models: Mapping[str, Schema]) -> Iterable[str]:
    shown: set[str] = set()
    for name, model in models.items():
        yield f"## {name} {{ #{_anchor(name)} }}"
        yield _prose(model.get("description", ""))
        if "properties" not in model:
            yield _table(["Word", "Meaning"], [[_code(v["const"]), _text(v["description"])] for v in model["oneOf"]])
            continue
        required = model.get("required", ())
        rows = {
            field: [_code(field), _kind(each), _text(each.get("description", "")), _default(each, field in required)]
            for field, each in model["properties"].items()
        }
        same = [field for field, row in rows.items() if f"{field}{row}" in shown]
        if name == Task.__name__:
            yield f"It has the fields of a {Scenario.__name__.lower()}, but for these:"
            rows = {field: row for field, row in rows.items() if field not in same}
        shown |= {f"{field}{row}" for field, row in rows.items()}
        yield _table(["Field", "Type", "Meaning", "Default"], rows.values())


def _default(schema: Schema, required: bool) -> str:
    if "default" not in schema:
        return "required" if required else ""
    value = schema["default"]
    return "its own defaults" if value and isinstance(value, dict) else _code(json.dumps(value))


def _kind(schema: Schema) -> str:
    """In words what a schema lets through."""
    match schema:
        case {"$ref": ref}:
            name = ref.rpartition("/")[2]
            return f'<a href="#{_anchor(name)}">{name}</a>'
        case {"anyOf": some} | {"oneOf": some}:
            return " or ".join(dict.fromkeys(_kind(each) for each in some))
        case {"const": value}:
            return _code(json.dumps(value))
        case {"enum": values}:
            return " or ".join(_code(str(value)) for value in values)
        case {"type": "array"}:
            inner = _kind(schema.get("items", {}))
            return f"list of {inner}s" if inner in _KINDS.values() else f"list of {inner}"
        case {"type": "object", "additionalProperties": dict(inner)}:
            return f"mapping to {_kind(inner)}"
        case {"type": "string", "format": "date-time"}:
            return "date and time"
        case {"type": "string", "pattern": pattern}:
            return f"text like {_code(pattern)}"
        case {"type": str(kind)}:
            return _KINDS[kind] + _bounds(schema)
    return "anything"


_KINDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "mapping",
    "null": "none",
}


def _bounds(schema: Schema) -> str:
    words = {"exclusiveMinimum": "above", "minimum": "from", "maximum": "to"}
    said = [f"{word} {schema[key]:g}" for key, word in words.items() if key in schema]
    return f", {' '.join(said)}" if said else ""


def _anchor(model: str) -> str:
    return f"model-{model.lower()}"


def _link(file: str) -> str:
    """To a file beside the page; a page has a folder of its own when it is built."""
    return f'<a href="../{file}" download>{Path(file).name}</a>'


# Metrics


def metric_names() -> str:
    """The metrics of vLLM that are read by name, and what they were called."""
    words = docstrings.of_attributes(metrics)
    constants = {name: value for name, value in vars(metrics).items() if str(value).startswith(metrics.PREFIX)}
    rows = [
        [_code(value), _text(words.get(name, "")), ", ".join(map(_code, _older(value)))]
        for name, value in constants.items()
        if value != metrics.PREFIX
    ]
    renamed = [
        [_code(r.old), _code(r.current), "a rate a second, where there is a counter now" if r.as_rate else "the same"]
        for r in metrics.RENAMED
    ]
    return "\n\n".join(
        [
            "# Metrics",
            "The metrics of vLLM that vlab reads by name. A histogram's samples end in `_bucket`, `_sum` and `_count`. "
            "An engine that has a metric under an older name is read as well.",
            "## Read by name",
            _table(["Name", "Meaning", "Older names"], rows),
            "## Names that have changed",
            "A recommendation may use either. Names are without the endings that samples have.",
            _table(["Older name", "Name now", "Its numbers"], renamed),
        ]
    )


def _older(name: str) -> list[str]:
    base, ending = metrics.split_name(name)
    return [f"{r.old}{ending}" for r in metrics.RENAMED if r.current == base and not r.as_rate]


# Checks


def checks() -> str:
    """The checks of every grader, and the exercises that they are in."""
    about = (
        "A check states one thing, and is judged from recorded [evidence](evidence.md). One that needs another is "
        "skipped where that did not pass. A check without points is a safeguard: it earns nothing, and what earns "
        "points needs it."
    )
    return "\n\n".join(["# Checks", about, *(_grader(file, used) for file, used in _graders().items())])


def _graders() -> dict[Path, list[Exercise]]:
    """The exercises that each grader's file is for; files with checks of several exercises first."""
    found: dict[Path, list[Exercise]] = {}
    for each in catalog.exercises().values():
        for file in (*each.graders, *each.graders_apart.values()):
            found.setdefault(file, []).append(each)
    return dict(sorted(found.items(), key=lambda item: len(item[1]) == 1))


def _grader(file: Path, used: Sequence[Exercise]) -> str:
    rows = [[_code(c.id), _text(c.title), str(c.points or "-"), _needs(c)] for c in unordered(file)]
    links = ", ".join(f"[{each.id}](../{pages.FOLDER}/{each.id}.md)" for each in used)
    name = file.stem.removeprefix("test_").replace("_", "-")
    table = _table(["Check", "Statement", "Points", "Needs"], rows)
    return f"## {name}\n\nIn {links}.\n\n{table}"


def _needs(check: Check) -> str:
    return ", ".join("all safeguards" if need == SAFEGUARDS else _code(need) for need in check.needs) or "-"


# What the pages are made of


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells in HTML; the first of each row names it."""
    head = "".join(f'<th scope="col">{heading}</th>' for heading in headings)
    cells = ["<td data-words>" if heading in _WORDS else "<td>" for heading in headings]
    body = "\n".join(
        f'<tr><th scope="row">{first}</th>'
        + "".join(f"{cell}{text}</td>" for cell, text in zip(cells[1:], rest, strict=True))
        + "</tr>"
        for first, *rest in rows
    )
    return f"<table data-reference>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


_WORDS = frozenset({"Meaning", "Statement"})
"""Columns of sentences, which need some width to be read."""


def _code(text: str) -> str:
    return f"<code>{escape(text, quote=False)}</code>"


def _text(words: str) -> str:
    """A docstring on one line: what stands between backticks is code, and nothing else means anything."""
    parts = " ".join(words.split()).split("`")
    return "".join(_code(part) if number % 2 else escape(part, quote=False) for number, part in enumerate(parts))


def _prose(words: str) -> str:
    """A docstring's paragraphs."""
    return "\n\n".join(f"<p>{_text(part)}</p>" for part in re.split(r"\n\s*\n", words.strip()))
