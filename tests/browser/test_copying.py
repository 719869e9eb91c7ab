"""The copy button of each fence gives what the page says and what is run: no prompt, no output, not a byte more."""

import re
from pathlib import Path

import pytest

from vlab.site import fences, pages

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
COPY = """async button => {
    await navigator.clipboard.writeText("nothing was copied")
    button.click()
    return await navigator.clipboard.readText()
}"""


MADE = re.compile(r"<!-- (?:report|rights): ")
"""In whose place the build puts a block of its own, which can be copied as well."""


def written() -> dict[str, tuple[list[str], int]]:
    """The fences of each page with commands, as its Markdown has them, and how many blocks the build adds, by the
    page's address."""
    texts = {str(file.relative_to(ROOT / "site")): file.read_text() for file in (ROOT / "site").rglob("*.md")}
    texts |= {exercise.src: exercise.text for exercise in pages.exercises()}
    found = {src: fences.fences(src, text) for src, text in texts.items()}
    return {
        _address(src): ([f.content for f in every], len(MADE.findall(texts[src])))
        for src, every in found.items()
        if any(f.language == fences.COMMANDS for f in every)
    }


def _address(src: str) -> str:
    return src.removesuffix("index.md") if src.endswith("index.md") else f"{src.removesuffix('.md')}/"


@pytest.mark.parametrize(("path", "expected"), sorted(written().items()), ids=lambda v: v if isinstance(v, str) else "")
def test_what_is_copied_is_what_is_written(page, address, path, expected):
    contents, made = expected
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{address}/{path}")
    page.wait_for_selector("[data-clipboard-target]", state="attached")
    copied = [button.evaluate(COPY) for button in page.locator("[data-clipboard-target]").element_handles()]
    # The theme leaves out the last line's end, so that a shell does not run it before one has looked at it.
    wanted = [c.removesuffix("\n") for c in contents]
    if not made:
        assert copied == wanted
    left = iter(copied)
    assert [c for c in wanted if c not in left] == [] and len(copied) == len(wanted) + made
