"""What is said is printed whole: brackets, colons and backslashes in it are no markup."""

import pytest

from vlab import ui
from vlab.errors import LabError

TEXTS = ["[/etc/x]", "[spec.x: Invalid value]", "a [bold] b", "image:warning:x", r"C:\[x]", "trailing\\", "[[x]]"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_message(capsys, text):
    ui.say(text)
    assert capsys.readouterr().err == text + "\n"


@pytest.mark.parametrize("text", TEXTS)
def test_an_error_and_its_hint(capsys, text):
    ui.fail(LabError(text, f"see {text}"))
    assert capsys.readouterr().err == f"error: {text}\nhint: see {text}\n"


@pytest.mark.parametrize("text", TEXTS)
def test_a_step(capsys, text):
    with ui.Steps() as steps, steps.step(text) as line:
        line.note(text)
    said = capsys.readouterr().err
    assert said.startswith(f"✓ {text} ") and said.endswith(" s\n")


def test_a_step_that_fails_says_so(capsys):
    with pytest.raises(RuntimeError), ui.Steps() as steps, steps.step("Deploy [x]"):
        raise RuntimeError
    assert capsys.readouterr().err.startswith("✗ Deploy [x] ")
