"""`pytest graders/test_x.py --evidence FOLDER` shows the verdicts that `vlab grade --evidence FOLDER` gives."""

import os
import re
import subprocess
import sys

import pytest

import making
from vlab import paths
from vlab.evidence import load, write
from vlab.grading import grade

GRADER = """
from vlab.grading import check, expect

@check("last", points=1, needs=["bad"], help="")
def test_last(objects):
    '''It needs bad'''

@check("good", points=1, help="")
def test_good(objects):
    '''It holds'''

@check("bad", points=1, help="look there")
def test_bad(objects):
    '''It does not'''
    expect(objects, "a pod", "none")

@check("plain", points=1, help="")
def test_plain(objects):
    '''It is said by an assert'''
    assert len(objects) == 2

@check("untold", points=1, help="")
def test_untold(events):
    '''It was not recorded'''
"""


def run(*arguments):
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", *map(str, arguments)]
    quick = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=quick)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def graders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graders")
    (folder / "conftest.py").write_text((paths.data("graders") / "conftest.py").read_text())
    (folder / "test_some.py").write_text(GRADER)
    header = making.header(("objects",), scenario="s")
    write(folder / "evidence", header, {"objects": {"start": [], "now": []}})
    return folder


def test_pytest_shows_the_same_verdicts(graders):
    code, said = run(graders / "test_some.py", "--evidence", graders / "evidence")
    assert code == 1
    words = {"PASSED": "pass", "FAILED": "fail", "ERROR": "error", "SKIPPED": "skip"}
    shown = {name: words[word] for name, word in re.findall(r"::test_(\w+) (PASSED|FAILED|ERROR|SKIPPED) ", said)}
    report = grade(load(graders / "evidence"), graders / "test_some.py")
    assert shown == {c.id: c.verdict.value for c in report.checks}
    assert "could not tell: events: nothing was recorded" in said
    assert "expected: a pod\nfound: none\nhelp: look there" in said
    assert "assert 0 == 2" in said
    assert "2 failed, 1 passed, 1 skipped, 1 error" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [([], "name its folder: pytest graders --evidence FOLDER"), (["--evidence", "/nowhere"], "holds no evidence")],
)
def test_without_evidence_the_cure_is_said(graders, arguments, words):
    code, said = run(graders / "test_some.py", *arguments)
    assert code == 2
    assert words in said
    assert "Traceback" not in said
