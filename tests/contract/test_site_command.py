"""`vlab site` as it is typed: it shows the built site until it is ended, and refuses what it cannot do or must not."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from vlab import cli
from vlab.errors import Exit

pytest.importorskip("mkdocs")
VLAB = (sys.executable, "-c", "from vlab.cli import main; main()")


def refused(*arguments):
    ended = subprocess.run([*VLAB, "site", *arguments], capture_output=True, text=True, check=False)
    assert ended.stdout == ""
    error, hint = ended.stderr.splitlines()
    return ended.returncode, error, hint


@pytest.mark.timeout(300)  # it builds the site, on a machine that may do other things as well
def test_it_shows_the_site_until_it_is_interrupted(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with (tmp_path / "said").open("w") as said:
        # Ctrl-C is for whoever listens: a test that runs in the background may have been told not to.
        run = subprocess.Popen(
            [*VLAB, "site", "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
    try:
        address = run.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address), (tmp_path / "said").read_text()
        page = httpx.get(f"{address}reference/commands/").text
        assert 'id="vlab-site"' in page
        schema = httpx.get(f"{address}reference/schemas/report.schema.json")
        assert schema.headers["Content-Type"] == "application/json"
        assert httpx.get(f"{address}hooks/reference.py").status_code == 404
        run.send_signal(signal.SIGINT)
        assert run.wait(20) == Exit.OK
        assert run.stdout.read() == ""
    finally:
        run.kill()
        run.wait()
    assert [file.name for file in tmp_path.iterdir()] == ["said"]
    assert "Traceback" not in (tmp_path / "said").read_text()


def test_a_port_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, error, hint = refused("--port", str(port))
    assert (code, error) == (Exit.MACHINE, f"error: port {port} is taken")
    assert "--port" in hint


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    code, error, _ = refused("--build", str(tmp_path))
    assert (code, error) == (Exit.NOT_OURS, f"error: {tmp_path} holds files that this command did not make")
    assert (tmp_path / "thesis.txt").read_text() == "mine"
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_that_is_a_file(tmp_path):
    (file := Path(tmp_path / "file")).write_text("mine")
    code, error, _ = refused("--build", str(file))
    assert (code, error) == (Exit.USAGE, f"error: cannot write {file}: File exists")


def test_without_mkdocs_it_says_how_it_is_installed(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "mkdocs", None)
    monkeypatch.setitem(sys.modules, "material", None)
    assert cli.run(["site"]) == Exit.MACHINE
    out, err = capsys.readouterr()
    error, hint = err.splitlines()
    assert out == ""
    assert error == "error: mkdocs and mkdocs-material are not installed, which the site is built with"
    assert hint.startswith("hint: pip install 'vlab[site]'")
