"""`vlab load` as typed: what it refuses before it sends anything, and what it prints."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vlab.cli.load import app
from vlab.errors import Exit, LabError

runner = CliRunner()


def refused(*args: str) -> LabError:
    error = runner.invoke(app, list(args)).exception
    assert isinstance(error, LabError), error
    return error


def test_a_workload_can_be_named_without_a_verb() -> None:
    assert refused("chta", "--url", "http://127.0.0.1:9").hint == "did you mean 'chat'?"
    assert refused("run", "chta", "--url", "http://127.0.0.1:9").hint == "did you mean 'chat'?"
    assert refused("--url", "http://127.0.0.1:9", "chta").hint == "did you mean 'chat'?"


def test_a_file_that_cannot_be_written_is_refused_before_the_load(tmp_path: Path) -> None:
    error = refused("chat", "--url", "http://127.0.0.1:9", "--model", "m", "--out", f"{tmp_path}/no/a.json")
    assert "its folder does not exist" in error.message


def test_an_endpoint_that_does_not_answer() -> None:
    error = refused("chat", "--url", "http://127.0.0.1:9")
    assert error.exit_code is Exit.NO_LAB
    assert "127.0.0.1:9/v1/models" in error.message


def test_when_nothing_succeeds_the_run_is_written_and_the_exit_says_so(tmp_path: Path) -> None:
    out, page = tmp_path / "a.json", tmp_path / "a.html"
    args = ["eight-prompts", "--url", "http://127.0.0.1:9", "--model", "m", "--json"]
    got = runner.invoke(app, [*args, "--out", str(out), "--html", str(page)])
    assert isinstance(got.exception, LabError)
    assert got.exception.message.startswith("none of 8 requests succeeded; the first: connect: ")
    assert json.loads(got.stdout)["total"]["errors"] == {"connect": 8}
    assert len(json.loads(out.read_text())["requests"]) == 8
    assert "connect" in page.read_text()

    compared = runner.invoke(app, ["compare", str(out), str(out), "--json"])
    assert compared.exit_code == 0
    assert any("8 requests of A failed" in w for w in json.loads(compared.stdout)["warnings"])


@pytest.mark.parametrize("args", [["list"], ["list", "--json"]])
def test_list_names_every_packaged_workload(args: list[str]) -> None:
    shown = runner.invoke(app, args).stdout
    for name in ("batch", "chat", "eight-prompts", "mixed", "saturate"):
        assert name in shown
