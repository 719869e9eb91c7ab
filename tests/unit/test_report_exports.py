"""What other systems read of a report: each format against its own rules, and nothing in it that could be executed.

The schemas are written here from what each system publishes of its format: of Gradescope the "Autograder
specifications" of its documentation, of PrairieLearn the page "External grading" (Grading results), of Classroom 50 the
result.json contract of its page "Advanced Autograding" and schemas/result-v1.schema.json in foundation50/classroom50.
Canvas and Moodle publish no schema: the files are read back as their importers read them, by the names of the columns.
"""

import json
from datetime import UTC, datetime
from html.parser import HTMLParser

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from vlab.grading.score import earned, score
from vlab.model import CheckResult, Report, Verdict
from vlab.report import classroom50, gradescope, prairielearn, step_summary

NASTY = (
    "<img src=x onerror=alert(1)> | @everyone #1 `x` [a](javascript:alert(1)) **b** \n\n# head\n| a |\n&amp; \\| :tada:"
)

GRADESCOPE = {
    "type": "object",
    "additionalProperties": False,
    "anyOf": [{"required": ["score"]}, {"required": ["tests"]}],
    "properties": {
        "score": {"type": "number", "minimum": 0},
        "execution_time": {"type": "number"},
        "output": {"type": "string"},
        "output_format": {"enum": ["text", "html", "simple_format", "md", "ansi"]},
        "test_output_format": {"enum": ["text", "html", "simple_format", "md", "ansi"]},
        "test_name_format": {"enum": ["text", "html", "simple_format", "md", "ansi"]},
        "visibility": {"enum": ["hidden", "after_due_date", "after_published", "visible"]},
        "stdout_visibility": {"enum": ["hidden", "after_due_date", "after_published", "visible"]},
        "extra_data": {"type": "object"},
        "leaderboard": {"type": "array"},
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "dependentRequired": {"score": ["max_score"]},
                "properties": {
                    "score": {"type": "number", "minimum": 0},
                    "max_score": {"type": "number", "minimum": 0},
                    "status": {"enum": ["passed", "failed"]},
                    "name": {"type": "string"},
                    "name_format": {"type": "string"},
                    "number": {"type": "string"},
                    "output": {"type": "string"},
                    "output_format": {"type": "string"},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "visibility": {"type": "string"},
                    "extra_data": {"type": "object"},
                },
            },
        },
    },
}
PRAIRIELEARN = {
    "type": "object",
    "if": {"properties": {"gradable": {"const": False}}, "required": ["gradable"]},
    "then": {"not": {"required": ["score"]}},
    "else": {"required": ["score"]},
    "properties": {
        "gradable": {"type": "boolean"},
        "score": {"type": "number", "minimum": 0, "maximum": 1},
        "format_errors": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "message": {"type": "string"},
        "output": {"type": "string"},
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "description": {"type": "string"},
                    "points": {"type": "number"},
                    "max_points": {"type": "number"},
                    "message": {"type": "string"},
                    "output": {"type": "string"},
                },
            },
        },
    },
}
WORD, COUNT = {"type": "string", "minLength": 1}, {"type": "integer", "minimum": 0}
MOMENT = {"type": "string", "pattern": r"^[0-9]{4}-[0-1][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z$"}
CLASSROOM50 = {
    "type": "object",
    "additionalProperties": False,
    "required": [
        *("schema", "classroom", "assignment", "assignment_type", "owner", "submission", "commit", "release", "review"),
        *("datetime", "score", "max-score", "tests"),
    ],
    "properties": {
        "schema": {"const": "classroom50/result/v1"},
        "assignment_type": {"enum": ["individual", "group"]},
        "submission": {"type": "string", "pattern": "^submit/"},
        **dict.fromkeys(("classroom", "assignment", "owner", "commit", "release", "review"), WORD),
        **dict.fromkeys(("datetime", "graded_at"), MOMENT),
        **dict.fromkeys(("score", "max-score"), COUNT),
        "submitted_by": {"type": "object"},
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["test-name", "passed", "score", "max-score"],
                "properties": {
                    "test-name": WORD,
                    "passed": {"type": "boolean"},
                    **dict.fromkeys(("score", "max-score"), COUNT),
                },
            },
        },
    },
}


def check(verdict, points, number=0, words="x"):
    said = {
        Verdict.PASS: {},
        Verdict.FAIL: {"expected": words, "actual": words, "help": words},
        Verdict.ERROR: {"reason": words},
        Verdict.SKIP: {"reason": words},
    }[verdict]
    return CheckResult(
        id=f"check-{number}",
        title=f"Check {number}",
        points=points,
        earned=earned(verdict, points),
        verdict=verdict,
        **said,
    )


def report(*checks, **known):
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    given = {
        "vlab": "0",
        "scenario": "four-gpu-pending",
        "title": "A title",
        "learner": "ada",
        "parameters": {},
        "cluster": {},
        "recorded": moment,
        "graded_at": moment,
        "evidence": "0" * 64,
        "seal": "signed by 0123456789abcdef",
        "checks": checks,
        **score(checks),
    }
    return Report(**{**given, **known})


MIXED = report(
    check(Verdict.PASS, 3, 1), check(Verdict.FAIL, 4, 2), check(Verdict.SKIP, 2, 3), check(Verdict.ERROR, 5, 4)
)
UNTOLD = report(check(Verdict.ERROR, 5, 1), check(Verdict.PASS, 0, 2))
ALL = report(check(Verdict.PASS, 3, 1), check(Verdict.PASS, 0, 2))

REPORTS = st.lists(
    st.tuples(st.sampled_from(list(Verdict)), st.integers(0, 9), st.text(min_size=1, max_size=20)), max_size=5
)


def of(drawn):
    return report(*(check(verdict, points, n, words) for n, (verdict, points, words) in enumerate(drawn)))


FORMATS = {
    "gradescope": (gradescope.text, GRADESCOPE),
    "prairielearn": (prairielearn.text, PRAIRIELEARN),
    "classroom50": (classroom50.text, CLASSROOM50),
}


@pytest.mark.parametrize("name", FORMATS)
@given(REPORTS)
def test_every_report_is_as_its_readers_rules_say(name, drawn):
    text, schema = FORMATS[name]
    jsonschema.validate(json.loads(text(of(drawn))), schema)


@pytest.mark.parametrize("schema", [GRADESCOPE, PRAIRIELEARN, CLASSROOM50])
def test_the_rules_refuse_something(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    for wrong in ({}, {"score": -1, "tests": [], "gradable": True}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


def test_gradescope_counts_what_could_not_be_told_for_neither_side():
    found = json.loads(gradescope.text(MIXED))
    assert found["score"] == pytest.approx(3 / 9 * 14, abs=0.01)
    assert [t.get("status") for t in found["tests"]] == ["passed", "failed", "failed", None]
    assert [(t.get("score"), t.get("max_score")) for t in found["tests"]] == [(3, 3), (0, 4), (0, 2), (None, None)]
    assert json.loads(gradescope.text(ALL))["score"] == 3
    assert "3 of 9 points" in found["output"] and "signed by" in found["output"]


def test_prairielearn_takes_no_attempt_where_nothing_could_be_told():
    assert json.loads(prairielearn.text(MIXED))["score"] == pytest.approx(1 / 3, abs=0.001)
    assert json.loads(prairielearn.text(ALL))["score"] == 1
    untold = json.loads(prairielearn.text(UNTOLD))
    assert (untold["gradable"], "score" in untold) == (False, False)
    assert sum(t["max_points"] for t in json.loads(prairielearn.text(MIXED))["tests"]) == 9


@given(REPORTS)
def test_classroom50_adds_up(drawn):
    found = json.loads(classroom50.text(of(drawn)))
    assert found["score"] == sum(t["score"] for t in found["tests"]) <= found["max-score"]
    assert found["max-score"] == sum(t["max-score"] for t in found["tests"])
    assert all(t["score"] <= t["max-score"] for t in found["tests"])


def test_classroom50_says_what_its_runner_says():
    environment = {
        "CLASSROOM": "ml",
        "ASSIGNMENT": "gpu",
        "MODE": "group",
        "USERNAME": "ada",
        "SUBMISSION_TAG": "submit/1",
        "COMMIT_URL": "https://example.com/c",
        "RELEASE_URL": "https://example.com/r",
    }
    found = json.loads(classroom50.render(MIXED, classroom50.Place.of(environment, MIXED)))
    jsonschema.validate(found, CLASSROOM50)
    assert (found["classroom"], found["assignment"], found["assignment_type"]) == ("ml", "gpu", "group")
    assert (found["owner"], found["submission"], found["review"]) == ("ada", "submit/1", "https://example.com/c")


class Page(HTMLParser):
    """What a reader of a summary gets: its tags, and its text."""

    def __init__(self, markdown):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(markdown))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return "".join(self.words)


ALLOWED = {"h2", "p", "table", "thead", "tbody", "tr", "th", "td", "br", "strong", "code"}


@given(st.text(max_size=60) | st.text("<>&|`*_[]()#@:\\\n!~-a1", max_size=60) | st.just(NASTY))
def test_a_learners_words_stay_words_in_a_summary(words):
    page = Page(step_summary.text(report(check(Verdict.FAIL, 1, 1, words), check(Verdict.PASS, 1, 2))))
    assert {tag for tag, _ in page.tags} <= ALLOWED and not any(attrs for _, attrs in page.tags)
    assert [tag for tag, _ in page.tags].count("tr") == 3
    assert [tag for tag, _ in page.tags].count("td") == 8


def test_a_summary_says_all_in_words():
    page = Page(step_summary.text(report(check(Verdict.FAIL, 4, 1, NASTY))))
    assert "0 of 4 points (0%): not solved yet" in page.text
    assert "@everyone #1 `x` [a](javascript:alert(1)) **b**" in page.text
    source = step_summary.text(report(check(Verdict.FAIL, 4, 1, NASTY)))
    assert "@everyone" not in source and "#1" not in source.replace("&#1", "")


def test_a_summary_is_never_larger_than_is_shown():
    many = report(*(check(Verdict.FAIL, 1, n, "ä" * 2000) for n in range(300)))
    assert len(step_summary.text(many).encode()) <= step_summary.LIMIT
    assert "0 of 300 points" in step_summary.text(many)
