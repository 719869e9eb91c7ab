"""The site without a mouse: what keys do, and what a screen reader is told of it."""

import pytest
from playwright.sync_api import Locator, Page, expect

from vlab import quiz

pytestmark = pytest.mark.browser

ITEMS = [item for topic in quiz.topics().values() for item in topic.items]
ONE = next(i for i in ITEMS if isinstance(i, quiz.Choice) and len(i.right) == 1)
SEVERAL = next(i for i in ITEMS if isinstance(i, quiz.Choice) and len(i.right) > 1)
WRITTEN = next(i for i in ITEMS if isinstance(i, quiz.Explain))
TYPED = {
    "too short": "Write 12 words or more; then a model answer is shown.",
    "but now there are as many words as it takes to be an answer": "The model answer is below.",
}
FAR = 500
"""More times than anything has to be pressed on one page."""


def press_to(page: Page, wanted: str, key: str = "Tab", text: str = "") -> Locator:
    """Press a key until an element of this selector, with this text in it, has the focus and shows that it has."""
    for _ in range(FAR):
        page.keyboard.press(key)
        if page.locator(f"{wanted}:focus", has_text=text).count():
            assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") != "none", wanted
            return page.locator(":focus")
    pytest.fail(f"{key} never comes to {wanted}")


def told(page: Page, region: Locator) -> list[str]:
    """What the browser gives to a screen reader as a status that is read out, politely, when it changes."""
    session = page.context.new_cdp_session(page)
    region.evaluate("(each) => { window.told = each; }")
    found = session.send("Runtime.evaluate", {"expression": "window.told"})["result"]["objectId"]
    nodes = session.send("Accessibility.queryAXTree", {"objectId": found})["nodes"]
    status = next(node for node in nodes if not node["ignored"] and node["role"]["value"] == "status")
    assert {each["name"]: each["value"].get("value") for each in status["properties"]}["live"] == "polite"
    return [node["name"]["value"] for node in nodes if node["role"]["value"] == "StaticText"]


def at_content(page: Page, path: str) -> None:
    """Open a page, and go past its header and its menus as a keyboard does."""
    page.goto(path)
    press_to(page, "a.md-skip")
    page.keyboard.press("Enter")


def answered(page: Page, item: quiz.Choice, right: bool) -> None:
    """Choose all that are right, or one that is not, and check."""
    letters = [letter for letter, option in item.shown("").items() if option.right == right]
    if len(item.right) == 1:
        press_to(page, f"input[name={item.id}]")
        page.keyboard.press("Space")
        while page.evaluate("() => document.activeElement.value") not in letters:
            page.keyboard.press("ArrowDown")
    else:
        for letter in sorted(letters) if right else letters[:1]:
            press_to(page, f"#{item.id}-{letter}")
            page.keyboard.press("Space")
    press_to(page, f"#{item.id} button")
    page.keyboard.press("Enter")


def verdict(page: Page, item: quiz.Choice | quiz.Explain) -> list[str]:
    """What is told of an answer."""
    return told(page, page.locator(f"#{item.id} .vlab-verdict"))


def open_quiz(page: Page) -> None:
    """Open it, and wait until verdicts are read out: at first they are not, what was answered long ago is no news."""
    at_content(page, "/quiz/")
    expect(page.locator(".vlab-verdict").last).to_have_attribute("aria-live", "polite")


def test_the_search_finds_by_keyboard_and_leads_there(page):
    page.goto("/")
    page.keyboard.press("/")
    expect(page.locator(":focus")).to_have_attribute("aria-label", "Search")
    page.keyboard.type("shared memory")
    found = page.locator(".md-search-result__item").filter(has_text="shared memory")
    expect(found.first).to_be_visible()
    link = press_to(page, "a.md-search-result__link", "ArrowDown", "shared memory")
    there = link.evaluate("(link) => link.href")
    page.keyboard.press("Enter")
    expect(page).to_have_url(there)
    expect(page.locator("article")).to_contain_text("shared memory", ignore_case=True)


@pytest.mark.parametrize("item", [ONE, SEVERAL], ids=["one", "several"])
@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
def test_a_question_is_answered_and_its_verdict_told_in_words(page, item, right):
    open_quiz(page)
    assert verdict(page, item) == []
    answered(page, item, right)
    (words,) = verdict(page, item)
    assert words.startswith("Right." if right else "Not right. Right: “")
    expect(page.locator(f"#{item.id} details")).to_have_attribute("open", "")


def test_an_answer_in_writing_shows_the_model_answer_once_it_is_one(page):
    open_quiz(page)
    for key, (typed, said) in zip(("Tab", "Shift+Tab"), TYPED.items(), strict=True):
        press_to(page, f"#{WRITTEN.id}-text", key)
        page.keyboard.press("Control+A")
        page.keyboard.type(typed)
        press_to(page, f"#{WRITTEN.id} button")
        page.keyboard.press("Enter")
        assert verdict(page, WRITTEN) == [said]
    expect(page.locator(f"#{WRITTEN.id} details")).to_have_attribute("open", "")


def test_progress_is_there_after_a_reload_and_is_not_read_out_again(page):
    open_quiz(page)
    answered(page, ONE, True)
    answered(page, SEVERAL, False)
    sum_ = page.get_by_text("So far:")
    before = sum_.inner_text()
    assert before.startswith("So far: 1 of ")
    page.reload()
    expect(sum_).to_have_text(before)
    status = page.locator(f"#{ONE.id} .vlab-verdict")
    expect(status).to_have_text("Right.")
    assert page.locator(f"#{ONE.id} input:checked").count() == 1
    press_to(page, ".vlab-forget")
    page.keyboard.press("Enter")
    expect(sum_).to_contain_text("So far: 0 of ")
    page.reload()
    expect(sum_).to_contain_text("So far: 0 of ")
