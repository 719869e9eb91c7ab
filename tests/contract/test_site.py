"""The built site: the quiz can be used by keyboard, by ear and without a script, and shows what the files say."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

from vlab import quiz, recommending

config = pytest.importorskip("mkdocs.config")
build = pytest.importorskip("mkdocs.commands.build")

ROOT = Path(__file__).parents[2]
ITEMS = [item for topic in quiz.topics().values() for item in topic.items]
VOID = {"input", "br", "img", "meta", "link", "hr"}


class Element:
    def __init__(self, tag, attributes, parent):
        self.tag, self.attributes, self.parent, self.inside = tag, attributes, parent, []

    def __getitem__(self, name):
        return self.attributes.get(name)

    def all(self, tag):
        for child in self.inside:
            if isinstance(child, Element):
                if child.tag == tag:
                    yield child
                yield from child.all(tag)

    def one(self, tag):
        (found,) = self.all(tag)
        return found

    def within(self, tag):
        return self.parent is not None and (self.parent.tag == tag or self.parent.within(tag))

    @property
    def text(self):
        return " ".join("".join(c if isinstance(c, str) else f" {c.text} " for c in self.inside).split())


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.root = self.at = Element("", {}, None)
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        new = Element(tag, dict(attrs), self.at)
        self.at.inside.append(new)
        if tag not in VOID:
            self.at = new

    def handle_endtag(self, tag):
        if tag not in VOID:
            while self.at.tag != tag and self.at.parent is not None:
                self.at = self.at.parent
            self.at = self.at.parent or self.at

    def handle_data(self, data):
        self.at.inside.append(data)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    build.build(config.load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder)))
    return folder


@pytest.fixture(scope="module")
def forms(site):
    page = Page((site / "quiz" / "index.html").read_text()).root
    return {form["id"]: form for form in page.all("form") if form["class"] == "vlab-quiz"}


def plain(markdown):
    return "".join(markdown.replace("`", "").replace("**", "").split())


def test_every_item_is_there_once_in_its_order(forms):
    assert list(forms) == [item.id for item in ITEMS]


@pytest.mark.parametrize("item", ITEMS, ids=lambda i: i.id)
class TestAnItem:
    def test_shows_what_its_file_says(self, forms, item):
        form = forms[item.id]
        assert plain(item.stem) in "".join(form.text.split())
        assert (item.scenario or f"Task {item.task}") in form.one("details").text

    def test_everything_that_takes_input_has_a_name(self, forms, item):
        form = forms[item.id]
        names = {label["for"]: label.text for label in form.all("label")}
        taken = [*form.all("input"), *form.all("textarea")]
        assert taken and all(names[each["id"]] for each in taken)
        assert all(button.text for button in form.all("button"))

    def test_options_are_a_group_that_is_named_and_described(self, forms, item):
        form = forms[item.id]
        if isinstance(item, quiz.Explain):
            described = form.one("textarea")
        else:
            described = form.one("fieldset")
            assert described.one("legend").text
            kinds = {each["type"] for each in form.all("input")}
            assert kinds == ({"radio"} if len(item.right) == 1 else {"checkbox"})
            assert {each["name"] for each in form.all("input")} == {item.id}
        stem = next(div for div in form.all("div") if div["id"] == described["aria-describedby"])
        assert plain(item.stem) == "".join(stem.text.split())

    def test_what_came_of_an_answer_is_said_aloud(self, forms, item):
        (status,) = (p for p in forms[item.id].all("p") if p["class"] == "vlab-verdict")
        assert (status["role"], status["aria-live"], status.text) == ("status", "polite", "")

    def test_answers_are_folded_and_left_out_of_the_search(self, forms, site, item):
        details = forms[item.id].one("details")
        assert "open" not in details.attributes and details.one("summary").text
        explained = isinstance(item, quiz.Explain)
        answers = [recommending.model_answer(item)] if explained else [option.why for option in item.options]
        text = "".join(details.text.split())
        whole = "".join(forms[item.id].text.split())
        found = (site / "search" / "search_index.json").read_text()
        for answer in answers:
            assert plain(answer) in text and whole.count(plain(answer)) == 1
            assert answer.split("`")[0][:40] not in found or len(answer.split("`")[0]) < 20

    def test_right_and_wrong_are_told_in_words(self, forms, item):
        if isinstance(item, quiz.Explain):
            return
        shown = item.shown("")
        for each in forms[item.id].one("details").all("li"):
            option = shown[each["data-letter"]]
            assert each.one("strong").text == ("Right:" if option.right else "Not right:")
            assert ("data-right" in each.attributes) == option.right
            assert plain(option.text) in "".join(each.text.split())


def test_figures_of_a_recorded_run_are_a_table_with_headings(forms):
    judged = [item for item in ITEMS if isinstance(item, quiz.Explain) and item.recorded]
    assert judged
    for item in judged:
        rows = {row.one("th").text: row.one("td").text for row in forms[item.id].one("table").all("tr")}
        assert rows == {name: f"{value:g}" for name, value in recommending.figures(item).items()}
        assert {th["scope"] for th in forms[item.id].all("th")} == {"row"}


def test_the_page_asks_nothing_of_other_hosts(site):
    page = Page((site / "quiz" / "index.html").read_text()).root
    used = [e["src"] for e in page.all("script")] + [e["href"] for e in page.all("link") if e["rel"] == "stylesheet"]
    assert [address for address in used if address and "//" in address] == []


def test_the_hook_is_no_page(site):
    assert not (site / "hooks").exists()
