"""The page that the reader drives, by keyboard alone: the player of recorded runs, and the scheduler."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from test_keyboard import at_content, press_to, told

pytestmark = pytest.mark.browser

PLAYER, SCHEDULER = "#vlab-player", "#vlab-scheduler"


@pytest.fixture
def drive(page: Page) -> Page:
    """The page, with both tools in it."""
    at_content(page, "/course/drive/")
    expect(page.locator(f"{SCHEDULER} table").first).to_be_attached()
    return page


def moment(page: Page, tool: str) -> Locator:
    """The slider of a tool, with the focus."""
    return press_to(page, f"{tool} input[type=range]")


def at(slider: Locator) -> int:
    return int(slider.input_value())


@pytest.mark.parametrize("tool", [PLAYER, SCHEDULER])
def test_keys_step_scrub_and_play(drive, tool):
    slider = moment(drive, tool)
    last = int(slider.get_attribute("max"))
    assert at(slider) == 0 < last
    drive.keyboard.press("ArrowRight")
    assert at(slider) == 1
    assert re.search("[1-9]", slider.get_attribute("aria-valuetext")), "a screen reader is told which moment it is"
    drive.keyboard.press("ArrowLeft")
    assert at(slider) == 0
    drive.keyboard.press("End")
    assert at(slider) == last
    drive.keyboard.press("Home")
    play = drive.locator(f"{tool} .vlab-transport button").first
    drive.keyboard.press("Space")
    expect(play).to_have_text("Pause")
    expect(slider).not_to_have_value("0")
    drive.keyboard.press("Space")
    expect(play).to_have_text("Play")
    assert 0 < at(slider) < last


def test_a_moment_of_a_recording_is_told_in_words(drive):
    moment(drive, PLAYER)
    drive.keyboard.press("End")
    line = drive.locator(f"{PLAYER} .vlab-said")
    expect(line).to_have_text(re.compile(r"blocks in use, \d+ running, \d+ waiting, .*[1-9]\d* preemptions? so far\.$"))
    assert told(drive, line) == [line.inner_text()]


def test_another_recording_is_chosen(drive):
    choose = press_to(drive, f"{PLAYER} select")
    before = choose.input_value()
    drive.keyboard.press("ArrowDown")
    expect(choose).not_to_have_value(before)
    title = choose.locator("option:checked").inner_text()
    expect(drive.locator(f"{PLAYER} .vlab-said")).to_contain_text(title)


def test_a_setting_is_broken_and_its_outcome_told(drive):
    said = drive.locator(f"{SCHEDULER} .vlab-said").first
    pool = press_to(drive, f"{SCHEDULER} input[type=number]")
    assert pool.evaluate("(each) => each.labels[0].textContent").startswith("Pool")
    for blocks, words in {
        "600": "With these settings: no preemptions,",
        "0": "Not played. Pool, in blocks: a whole number from 2 to 600.",
        "5": "Not played. ",
    }.items():
        drive.keyboard.press("Control+A")
        drive.keyboard.type(blocks)
        drive.keyboard.press("Enter")
        expect(said).to_contain_text(words)
        assert told(drive, said) == [said.inner_text()]


def test_a_try_fills_the_settings_in(drive):
    said = drive.locator(f"{SCHEDULER} .vlab-said").first
    places = drive.get_by_label("Requests at once")
    before = int(places.input_value())
    press_to(drive, f"{SCHEDULER} form button", text="Twice the places")
    drive.keyboard.press("Enter")
    expect(places).to_have_value(str(2 * before))
    expect(said).to_contain_text("With these settings:")
    expect(drive.locator(f"{SCHEDULER} table").first).to_contain_text("Before the last change")
