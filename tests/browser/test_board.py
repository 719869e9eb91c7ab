"""The board of a class of 200 in a browser: what it says, that it hears, keys, themes, a phone."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, expect

import made_class
from test_keyboard import press_to, told
from visiting import _SIDEWAYS, NARROW, THEMES, Window, serious
from vlab.classroom.board import numbers

pytestmark = pytest.mark.browser

WALL = {"width": 1920, "height": 1080}
LEARNERS = 200
_CUT = """() => [...document.querySelectorAll("#tiles :is(.line, .state, .far, .more)")]
    .filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.textContent)"""
FAULTY = made_class.report("shm-missing", "faulty")
SOLVED = made_class.report("shm-missing", "solved")


class Board:
    """`vlab class board` as its user runs it."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-c", "import sys; from vlab.cli import main; sys.argv[0] = 'vlab'; main()"]
        self._process = subprocess.Popen(
            [*command, "class", "board", "--stuck-after", "10", *options],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert self._process.stdout
        self.address = self._process.stdout.readline().strip()

    @property
    def origin(self) -> str:
        return f"http://{urlsplit(self.address).netloc}"

    def end(self) -> int:
        self._process.send_signal(2)
        return self._process.wait(30)


@contextmanager
def boarded(*options: str) -> Iterator[Board]:
    board = Board(*options)
    try:
        yield board
    finally:
        board.end()


@contextmanager
def opened(browser: Browser, board: Board, theme: str = "light", viewport=WALL, query: str = "") -> Iterator[Page]:
    """The board's page, drawn; in the end nothing may have gone wrong in it."""
    window = Window(browser, board.origin, theme)
    page = window.context.new_page()
    page.set_viewport_size(viewport)
    page.goto(board.address + query)
    expect(page.locator("h1")).to_have_text("Class spring")
    yield page
    window.context.close()
    assert window.troubles == []


@pytest.fixture(scope="module")
def state(tmp_path_factory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("state")
    before = os.environ.get("VLAB_STATE")
    os.environ["VLAB_STATE"] = str(folder)
    yield folder
    if before is None:
        del os.environ["VLAB_STATE"]
    else:
        os.environ["VLAB_STATE"] = before


@pytest.fixture(scope="module")
def of(state):
    made = made_class.made(LEARNERS)
    made_class.at_work(made)
    return made


@pytest.fixture(scope="module")
def board(of) -> Iterator[Board]:
    with boarded() as found:
        yield found


def test_a_wall_shows_200_learners_at_once_and_the_token_is_not_in_the_address(browser, board, of):
    with opened(browser, board) as page:
        expect(page.locator("#tiles button")).to_have_count(LEARNERS)
        assert page.url == f"{board.origin}/"
        root = page.evaluate("() => [document.documentElement.scrollHeight, document.documentElement.clientHeight]")
        assert root[0] <= root[1], "it does not fit"
        assert page.evaluate("() => parseFloat(getComputedStyle(document.querySelector('.who')).fontSize)") >= 14
        assert page.evaluate(_CUT) == [], "a word is cut short"
        assert set(page.locator(".state").all_inner_texts()) >= {"solved", "at work", "not started"}
        expect(page.locator("#tally")).to_have_text(re.compile(r"^200 learners: \d+ solved, \d+ at work, \d+ stuck"))


def test_a_grading_turns_a_tile_without_a_reload(browser, board, of):
    learner = of.learners[8]  # has not begun
    with opened(browser, board) as page:
        page.evaluate("() => { window.same = true; }")
        words = page.locator("#tiles li[data-id='9'] button")
        expect(words.locator(".state")).to_have_text("not started")
        made_class.begin(of, learner, "shm-missing", datetime.now(UTC))
        expect(words.locator(".state")).to_have_text("at work")
        expect(words.locator(".far")).to_have_text("")
        made_class.record(of, learner, "shm-missing", "faulty", datetime.now(UTC))
        passed = sum(c.verdict == "pass" for c in FAULTY.checks)
        expect(words.locator(".far")).to_have_text(f"{passed} of {len(FAULTY.checks)}")
        expect(words.locator(".bar .pass")).to_have_count(passed)
        made_class.record(of, learner, "shm-missing", "solved", datetime.now(UTC))
        expect(words.locator(".far")).to_have_text(f"{len(SOLVED.checks)} of {len(SOLVED.checks)}")
        expect(words.locator(".state")).to_have_text("solved")
        assert page.evaluate("() => window.same"), "it was loaded again"


def test_only_those_who_are_stuck_the_longest_first(browser, board):
    with opened(browser, board) as page:
        page.get_by_role("combobox", name="Show").select_option("stuck only")
        page.get_by_role("combobox", name="Sort by").select_option("longest stuck")
        states = page.locator("#tiles .state").all_inner_texts()
        found = [re.fullmatch(r"stuck (\d+) (h|min)", each) for each in states]
        assert 0 < len(found) < LEARNERS
        ages = [int(each[1]) * (60 if each[2] == "h" else 1) for each in found]
        assert ages == sorted(ages, reverse=True)
        page.get_by_role("combobox", name="Show").select_option("stuck and silent: no hint, no grading")
        silent = page.locator("#tiles button")
        assert 0 < silent.count() < len(ages)
        expect(silent.locator(".more").first).to_have_text("silent")
        address = page.url
        assert "show=silent" in address and "sort=stuck" in address
        count = silent.count()
    with opened(browser, board, query=f"&{urlsplit(address).query}") as page:
        expect(page.locator("#tiles button")).to_have_count(count)


def test_the_size_is_taken_from_the_address(browser, board):
    def size(query):
        with opened(browser, board, query=query) as page:
            return page.evaluate("() => getComputedStyle(document.documentElement).fontSize")

    assert (size("&zoom=2"), size("&zoom=1.5"), size("&zoom=1")) == ("28px", "21px", "14px")


def test_keys_lead_to_a_learner_and_to_each_check_in_words(browser, board, of):
    with opened(browser, board) as page:
        press_to(page, "#tiles button")
        first = page.locator(":focus .who").inner_text()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowRight")
        second = page.locator(":focus")
        assert second.locator(".who").inner_text() != first
        page.keyboard.press("Home")
        assert page.locator(":focus .who").inner_text() == first
        page.keyboard.press("Enter")
        details = page.locator("#details")
        expect(details).to_be_visible()
        expect(details.locator("h2")).to_have_text(first)
        assert details.locator("li").count() > 0
        for each in details.locator("li strong").all_inner_texts():
            assert re.match(r"^(✓ pass|✗ fail|\? could not tell|- skipped)(, passed before)?$", each)
        page.keyboard.press("Escape")
        expect(details).not_to_be_visible()
        assert page.locator(":focus .who").inner_text() == first
        page.keyboard.press("Tab")
        assert page.locator("#tiles :focus").count() == 0, "one step leaves the tiles"


def test_a_screen_reader_is_told_one_sentence(browser, board):
    with opened(browser, board) as page:
        (said,) = told(page, page.locator("#summary"))
        assert said.startswith("200 learners: ")
        assert page.locator("[aria-live]:not(#summary)").count() == 0


@pytest.mark.parametrize("theme", THEMES)
def test_nothing_is_in_anybodys_way(browser, board, theme):
    with opened(browser, board, theme) as page:
        page.evaluate(AXE_SCRIPT)
        assert serious(page) == []
        page.locator("#tiles button").first.click()
        assert serious(page) == []


def test_a_phone_is_not_scrolled_sideways(browser, board):
    with opened(browser, board, viewport=NARROW) as page:
        expect(page.locator("#tiles button")).to_have_count(LEARNERS)
        assert page.evaluate(_SIDEWAYS) == page.evaluate(_CUT) == []
        page.locator("#tiles button").first.click()
        assert page.evaluate(_SIDEWAYS) == []


def test_hidden_names_are_nowhere_on_the_page(browser, of):
    with boarded("--hide-names") as board, opened(browser, board) as page:
        expect(page.locator("#tiles button")).to_have_count(LEARNERS)
        expect(page.locator("#tiles .who").first).to_have_text("Learner 1")
        everything = page.content()
        assert [each.name for each in of.learners if each.name in everything or each.slug in everything] == []
        who = {number: slug for slug, number in numbers.numbers(of).items()}
        assert sorted(who) == list(range(1, LEARNERS + 1))


def test_a_lost_connection_is_said_and_comes_back(browser, of):
    with boarded() as first:
        window = Window(browser, first.origin, "light")
        page = window.context.new_page()
        page.goto(first.address)
        expect(page.locator("#tiles button")).to_have_count(LEARNERS)
        assert first.end() == 0
        expect(page.locator("#line")).to_contain_text("Connection lost; trying again. What is shown may be old.")
        with boarded("--port", str(urlsplit(first.address).port)) as second:
            expect(page.locator("#line")).to_contain_text("open the address that it printed", timeout=20_000)
            page.context.new_page().goto(second.address)
            expect(page.locator("#line")).to_have_text("", timeout=20_000)
        window.context.close()
