"""A page's terminal: what one fence leaves is there for the next, and what fails is said with its line."""

import os
import select

import pytest

from sessions import Failed, Session
from vlab.site.fences import fences


@pytest.fixture
def session(tmp_path):
    with Session(tmp_path / "work", os.environ) as typed:
        yield typed


def run(session, page):
    """Run a page's commands; return what they said."""
    found = [f for f in fences("p.md", page) if f.is_run]
    for fence in found:
        session.run(fence, fence.content)
    return [session.said(fence) for fence in found]


def test_functions_variables_and_files_stay_and_both_streams_are_kept(session):
    page = '```bash\nname=x\nask() { echo "$name $1" >&2; }\npwd > where\n```\n```bash\nask y\ncat where\n```\n'
    assert run(session, page) == ["", f"x y\n{session.folder}\n"]


@pytest.mark.parametrize(
    "command", ["false", "false | cat", "echo $unset_variable", "no-such-command", "f() { false; }; f", "exit 3"]
)
def test_a_command_that_fails_is_named_with_its_line(session, command):
    with pytest.raises(Failed, match=r"^p\.md:\d: ended with") as raised:
        run(session, f"Words.\n\n```bash\necho said\n{command}\necho never\n```\n")
    assert "said" in str(raised.value)
    assert "\nnever" not in str(raised.value)


def test_the_line_is_that_of_the_page(session):
    with pytest.raises(Failed, match=r"^p\.md:5: ended with 1: false"):
        run(session, "Words.\n\n```bash\ntrue\nfalse\n```\n")


def test_a_page_may_say_how_a_command_ends(session):
    page = "<!-- exit code: 3 -->\n```bash\n(exit 3)\n```\n```bash\necho on\n```\n"
    assert run(session, page) == ["", "on\n"]
    with pytest.raises(Failed, match="ended with 0, not 3"):
        run(session, page.replace("(exit 3)", "true"))


def test_after_a_failure_that_was_expected_others_are_not(session):
    with pytest.raises(Failed, match="ended with 1"):
        run(session, "<!-- exit code: 3 -->\n```bash\n(exit 3)\n```\n```bash\nfalse\n```\n")


def test_what_runs_in_another_terminal_goes_on_and_ends_with_the_page(tmp_path):
    page = "<!-- another terminal -->\n```bash\necho $BASHPID; exec sleep 1000\n```\n```bash\necho on\n```\n"
    with Session(tmp_path / "work", os.environ) as session:
        beside, after = run(session, page)
        assert after == "on\n"
        other = os.pidfd_open(int(beside))
        assert not select.select([other], [], [], 0)[0], "it ended before the page did"
    assert select.select([other], [], [], 30)[0], "it goes on without the page"
    os.close(other)


def test_something_in_the_background_hides_no_failure(session):
    with pytest.raises(Failed, match="ended with 1"):
        run(session, "```bash\nsleep 1000 &\nfalse\n```\n")


def test_commands_get_no_input_of_the_page(session):
    assert run(session, "```bash\ncat\necho end\n```\n```bash\necho next\n```\n") == ["end\n", "next\n"]
