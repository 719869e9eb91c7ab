"""MkDocs hook: the quiz's page, from the same files as `vlab quiz`. Without a script it is text to unfold."""

from html import escape
from pathlib import Path
from typing import Any

import markdown
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.pages import Page

from vlab import quiz, recommending
from vlab.quiz import Choice, Explain, Item

PAGE = "quiz.md"
MARK = "<!-- quiz -->"


def on_page_markdown(text: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Put the items in the place of the mark."""
    if page.file.src_uri != PAGE:
        return text
    return text.replace(MARK, Writer(config).topics())


class Writer:
    """Writes items as HTML, with the site's Markdown."""

    def __init__(self, config: MkDocsConfig) -> None:
        self._markdown = markdown.Markdown(
            extensions=config["markdown_extensions"], extension_configs=config["mdx_configs"]
        )
        self._number = 0

    def topics(self) -> str:
        """All topics, each under a heading in Markdown, so that it is in the page's table of contents."""
        parts = []
        for topic in quiz.topics().values():
            parts += [f"## {topic.title}", *(self._item(item) for item in topic.items)]
        return "\n\n".join(parts)

    def _item(self, item: Item) -> str:
        self._number += 1
        asked = self._choice(item) if isinstance(item, Choice) else self._explain(item)
        return f"""<form class="vlab-quiz" id="{item.id}" action="#{item.id}" data-kind="{item.kind}">
<h3>Question {self._number}</h3>
<div id="{item.id}-stem">{self._html(item.stem)}</div>
{asked.strip()}
</form>"""

    def _choice(self, item: Choice) -> str:
        shown = item.shown("")
        several = len(item.right) > 1
        kind = "checkbox" if several else "radio"
        options = "".join(
            f'<div class="vlab-option"><input type="{kind}" name="{item.id}" id="{item.id}-{letter}" value="{letter}">'
            f'<label for="{item.id}-{letter}">{self._inline(option.text)}</label></div>'
            for letter, option in shown.items()
        )
        answers = "".join(
            f'<li data-letter="{letter}"{" data-right" if option.right else ""}>'
            f"<strong>{'Right' if option.right else 'Not right'}:</strong> {self._inline(option.text)}"
            f"<br>{self._inline(option.why)}</li>"
            for letter, option in shown.items()
        )
        return f"""
<fieldset aria-describedby="{item.id}-stem"><legend>{"Choose all that are right" if several else "Choose one"}</legend>
{options}</fieldset>
{_button("Check")}
<details data-search-exclude><summary>Answer and explanations</summary><ul>{answers}</ul>{_shows(item)}</details>"""

    def _explain(self, item: Explain) -> str:
        judges = "<p><code>vlab quiz</code> judges what you write against this run.</p>" if item.recorded else ""
        return f"""
{_figures(item)}<label for="{item.id}-text">Your answer, in a few sentences</label>
<textarea id="{item.id}-text" rows="8" aria-describedby="{item.id}-stem"></textarea>
{_button("Show a model answer")}
<details data-search-exclude><summary>Model answer</summary>{self._html(recommending.model_answer(item))}
{judges}{_shows(item)}</details>"""

    def _html(self, text: str) -> str:
        self._markdown.reset()
        return self._markdown.convert(text)

    def _inline(self, text: str) -> str:
        return self._html(text).removeprefix("<p>").removesuffix("</p>")


def _button(words: str) -> str:
    """Hidden until the script is there that makes it work; what it finds is read out by screen readers."""
    return f'<button type="submit" hidden>{words}</button><p class="vlab-verdict" role="status" aria-live="polite"></p>'


def _figures(item: Explain) -> str:
    """Those of the recorded run, if it is about one."""
    found = recommending.figures(item).items()
    rows = "".join(f'<tr><th scope="row"><code>{name}</code></th><td>{value:g}</td></tr>' for name, value in found)
    return f"<table><caption>Figures of the run</caption>{rows}</table>" if rows else ""


def _shows(item: Item) -> str:
    shown = f"<code>vlab start {escape(item.scenario)}</code>" if item.scenario else f"Task {item.task} of the course"
    return f"<p>{shown} shows it.</p>"


def on_serve(server: Any, **_: Any) -> Any:
    """Build anew when an item changes."""
    server.watch(str(Path(__file__).parents[2] / "quiz"))
    return server
