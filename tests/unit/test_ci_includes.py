"""The GitHub action and the GitLab include: their shell as it runs, with a stand-in that notes its arguments."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import typer
import yaml

from vlab import cli

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
GITLAB = yaml.safe_load((ROOT / "ci/gitlab.yml").read_text())[".vlab"]
ACTIONLINT = ROOT / "build/tools/actionlint"

STAND_IN = """#!/bin/sh
python3 -c 'import json, sys; json.dump(sys.argv[1:], open("called.json", "w"))' "$@"
exit "${STAND_IN_EXIT:-0}"
"""
HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned",
    "x' touch pwned '",
    '" && touch pwned "',
    "a b\tc",
    "--threshold=0",
    "*",
    "${{ github.token }}",
    "ä\u2028",
]


def action_step(name):
    return next(step for step in ACTION["runs"]["steps"] if step["name"] == name)


def execute(script, tmp_path, shell, **variables):
    """Run a script as CI does, with the stand-in before everything else on PATH."""
    stand_in = tmp_path / "bin" / "vlab"
    stand_in.parent.mkdir(exist_ok=True)
    stand_in.write_text(STAND_IN)
    stand_in.chmod(0o755)
    (tmp_path / "x.txt").write_text("")  # for * to become something
    environment = {"PATH": f"{stand_in.parent}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", **variables}
    done = subprocess.run([*shell, script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    called = tmp_path / "called.json"
    return done, json.loads(called.read_text()) if called.exists() else None


def given(submission="here", exercise="four-gpu-pending", threshold="80", junit="out.xml"):
    return {
        "VLAB_CI_SUBMISSION": submission,
        "VLAB_CI_EXERCISE": exercise,
        "VLAB_CI_THRESHOLD": threshold,
        "VLAB_CI_JUNIT": junit,
    }


def github(tmp_path, **variables):
    files = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"]
    return execute(action_step("Grade")["run"], tmp_path, shell, **files, **variables)


def gitlab(tmp_path, **variables):
    (script,) = GITLAB["script"]
    return execute(script, tmp_path, ["sh", "-c"], **variables)


def vlab_ci():
    """The command that is called, as it is."""
    group = typer.main.get_command(cli.app)
    return group.get_command(typer.Context(group), "ci")


CIS = {"github": github, "gitlab": gitlab}


@pytest.mark.parametrize("ci", CIS)
def test_it_calls_vlab_with_what_was_given(tmp_path, ci):
    done, called = CIS[ci](tmp_path, **given())
    assert done.returncode == 0, done.stderr
    wanted = ["ci", "--submission=here", "--exercise=four-gpu-pending", "--threshold=80", "--junit=out.xml"]
    wanted += [f"--step-summary={tmp_path / 'GITHUB_STEP_SUMMARY'}"] if ci == "github" else []
    assert called == wanted
    known = {option for parameter in vlab_ci().params for option in parameter.opts}
    assert {argument.partition("=")[0] for argument in called[1:]} <= known


@pytest.mark.parametrize("ci", CIS)
@pytest.mark.parametrize("field", ["submission", "exercise", "threshold", "junit"])
def test_whatever_is_given_is_one_argument_and_nothing_that_is_executed(tmp_path, ci, field):
    for hostile in HOSTILE:
        done, called = CIS[ci](tmp_path, **given(**{field: hostile}))
        assert done.returncode == 0, done.stderr
        assert f"--{field}={hostile}" in called
        assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("ci", CIS)
@pytest.mark.parametrize("code", [1, 2, 6])
def test_its_exit_code_is_the_steps(tmp_path, ci, code):
    assert CIS[ci](tmp_path, **given(), STAND_IN_EXIT=str(code))[0].returncode == code


def test_the_action_says_where_the_report_is(tmp_path):
    github(tmp_path, **given(junit="a b.xml"))
    assert (tmp_path / "GITHUB_OUTPUT").read_text() == "junit=a b.xml\n"


def test_no_name_of_a_file_sets_another_output(tmp_path):
    done, called = github(tmp_path, **given(junit="x\nkey=evil"))
    assert (done.returncode, called) == (2, None)
    assert not (tmp_path / "GITHUB_OUTPUT").exists()


def test_gitlab_asks_for_an_exercise(tmp_path):
    done, called = gitlab(tmp_path, **given(exercise=""))
    assert (done.returncode, called) == (2, None)
    assert "VLAB_CI_EXERCISE" in done.stderr


def test_no_expression_stands_in_a_script():
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"]
        assert set(re.findall(r"\$\{?(VLAB_\w+)", step["run"])) == step["env"].keys()
    (script,) = GITLAB["script"]
    assert set(re.findall(r"\$\{?(VLAB_\w+)", script)) == GITLAB["variables"].keys()


def test_every_input_is_used_and_described():
    used = set(re.findall(r"\$\{\{ inputs\.(\w+) \}\}", (ROOT / "action.yml").read_text()))
    assert used == ACTION["inputs"].keys()
    assert all(given["description"] for given in ACTION["inputs"].values())


def test_what_is_installed_is_what_the_lock_says(tmp_path):
    """The first step, with stand-ins for Python and uv: what it would install, and from where."""
    venv = tmp_path / "venv"
    (tmp_path / "requirements.lock").write_text("uv==0.9.1 \\\n    --hash=x\n")
    note = f'#!/bin/sh\necho "$@" >>{tmp_path}/calls\n'
    for file in (tmp_path / "python", venv / "bin/python", venv / "bin/uv"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(note)
        file.chmod(0o755)
    known = {"VLAB_SOURCE": str(tmp_path), "VLAB_PYTHON": str(tmp_path / "python"), "VLAB_VENV": str(venv)}
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"]
    done, _ = execute(action_step("Install vlab")["run"], tmp_path, shell, **known, GITHUB_PATH=str(tmp_path / "path"))
    assert done.returncode == 0, done.stderr
    made, pip, sync, install = (tmp_path / "calls").read_text().splitlines()
    assert made == f"-m venv {venv}"
    assert pip.endswith("uv==0.9.1")
    assert "--require-hashes" in sync and sync.endswith("requirements.lock")
    assert "--no-deps" in install and install.endswith(str(tmp_path))
    assert (tmp_path / "path").read_text() == f"{venv}/bin\n"


def lint(tmp_path, workflow):
    """What actionlint says of a workflow beside the action."""
    folder = tmp_path / ".github/workflows"
    folder.mkdir(parents=True)
    (tmp_path / "action.yml").write_text((ROOT / "action.yml").read_text())
    (folder / "grade.yml").write_text(yaml.safe_dump(workflow, sort_keys=False))
    (tmp_path / ".git").mkdir()
    assert ACTIONLINT.is_file(), "make build/tools/actionlint"
    return subprocess.run(
        [ACTIONLINT, "-no-color", "-oneline"], cwd=tmp_path, capture_output=True, text=True, check=False
    )


def workflow(*steps):
    job = {"runs-on": "ubuntu-latest", "steps": list(steps)}
    return {"name": "grade", "on": {"push": None}, "jobs": {"grade": job}}


def test_actionlint_finds_nothing_in_the_action_as_a_course_uses_it(tmp_path):
    uses = {"id": "vlab", "uses": "./", "with": {"exercise": "four-gpu-pending", "threshold": 80}}
    shown = {"run": 'echo "$FILE"', "env": {"FILE": "${{ steps.vlab.outputs.junit }}"}}
    done = lint(tmp_path, workflow({"uses": "actions/checkout@v4"}, uses, shown))
    assert (done.returncode, done.stdout) == (0, "")


def test_actionlint_finds_nothing_in_the_actions_own_steps(tmp_path):
    inputs = {name: {"type": "string", **known} for name, known in ACTION["inputs"].items()}
    made = workflow(*ACTION["runs"]["steps"])
    done = lint(tmp_path, {**made, "on": {"workflow_call": {"inputs": inputs}}})
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"uses": "./"}, 'missing input "exercise"'),
        ({"uses": "./", "with": {"exercise": "x", "treshold": 1}}, 'input "treshold" is not defined'),
        ({"run": "echo ${{ steps.none.outputs.x }}"}, 'property "none" is not defined'),
    ],
)
def test_actionlint_would_find_something(tmp_path, step, words):
    done = lint(tmp_path, workflow(step))
    assert done.returncode == 1 and words in done.stdout
