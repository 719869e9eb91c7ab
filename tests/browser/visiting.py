"""Looks at pages of the built site in a browser, and says what is wrong with them in a reader's words."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urldefrag

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, Page

WIDE = {"width": 1280, "height": 800}
NARROW = {"width": 360, "height": 800}
THEMES = {"light": "default", "dark": "slate"}
"""What the system asks for, and the palette of mkdocs.yml that answers it."""

# What is folded is opened: it is to be read as well.
_UNFOLD = "() => document.querySelectorAll('details:not([hidden])').forEach((each) => { each.open = true; })"

_LOOK = """() => ({
    scheme: document.body.dataset.mdColorScheme,
    names: [...document.querySelectorAll("[id]")].map((each) => each.id),
    links: [...document.querySelectorAll("a[href], link[href]")].map((each) => each.href),
})"""

# Elements that stick out of the window, unless they are in something that scrolls or hides by itself.
_SIDEWAYS = """() => {
    const root = document.documentElement;
    const held = (each) => each && each !== document.body
        && (getComputedStyle(each).overflowX !== "visible" || getComputedStyle(each).position === "fixed"
            || held(each.parentElement));
    const out = [...document.querySelectorAll("body *")]
        .filter((each) => each.getBoundingClientRect().right > root.clientWidth + 1 && !held(each))
        .map((each) => each.outerHTML.slice(0, 120));
    const more = root.scrollWidth - root.clientWidth;
    return more > 0 ? [`${more} px too wide`, ...out.slice(0, 5)] : out.slice(0, 5);
}"""

# What of an article can be read, on the screen or on paper; what is moved by hand is of no use on paper.
_READABLE = """() => {
    const kinds = "h1, h2, h3, h4, p, li, dt, dd, th, td, pre, figcaption, summary, legend, label, svg";
    const seen = (each) => each.checkVisibility({ opacityProperty: true, visibilityProperty: true })
        && each.getBoundingClientRect().height > 0;
    const all = [...document.querySelectorAll("article")].flatMap((each) => [...each.querySelectorAll(kinds)]);
    const knob = (each) => each.matches("label") && each.control?.matches("select, input[type=range]");
    return all.filter((each) => !knob(each) && seen(each) && (each.textContent.trim() || each.matches("svg")))
        .map((each) => each.textContent.trim().slice(0, 80) || each.outerHTML.slice(0, 80));
}"""


@dataclass(frozen=True)
class Visit:
    """What one page was like in one theme. Each list names what is wrong, but `names`, `links` and `read`."""

    page: str
    theme: str
    scheme: str
    """The palette that the theme had."""
    troubles: list[str]
    """Errors of scripts, requests that failed, requests to others."""
    names: list[str]
    links: list[str]
    barriers: list[str]
    """What axe-core calls serious or critical."""
    sideways: list[str]
    """What makes a phone scroll sideways."""
    read: list[str]
    """Beginnings of what can be read on the screen."""
    unprinted: list[str]
    faint: list[str]
    """What is hardly seen on paper."""

    def __str__(self) -> str:
        return f"{self.page} ({self.theme})"


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and says nothing."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The folder behind a port of the loopback; its address, without a slash at the end."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Window:
    """A browser's context in one theme, that writes down whatever goes wrong in it."""

    def __init__(self, browser: Browser, address: str, theme: str) -> None:
        self.address, self.theme = address, theme
        self.troubles: list[str] = []
        self.context: BrowserContext = browser.new_context(
            base_url=address, color_scheme=theme, viewport=WIDE, reduced_motion="reduce"
        )
        self.context.on("request", lambda r: self._note(not self._ours(r.url), f"asks another host: {r.url}"))
        self.context.on("requestfailed", lambda r: self._note(True, f"failed: {r.url}: {r.failure}"))
        self.context.on("response", lambda r: self._note(r.status >= 400, f"{r.status}: {r.url}"))
        self.context.on("console", lambda m: self._note(m.type == "error", f"console: {m.text}"))
        self.context.on("weberror", lambda e: self._note(True, f"script: {e.error}"))

    def _note(self, wrong: bool, words: str) -> None:
        if wrong:
            self.troubles.append(words)

    def _ours(self, url: str) -> bool:
        return url.startswith((f"{self.address}/", "data:", "blob:"))

    def visit(self, page: Page, path: str) -> Visit:
        """Open a page, and look at it in every way."""
        self.troubles.clear()
        page.goto(path)
        page.evaluate(_UNFOLD)
        looked = page.evaluate(_LOOK)
        page.evaluate(AXE_SCRIPT)
        # The reference's pages are long and made of the same parts: in the second theme one of them stands for all.
        again = self.theme != "light" and "reference/" in path and not path.endswith("reference/exit-codes/")
        barriers = [] if again else serious(page)
        read = page.evaluate(_READABLE)
        page.emulate_media(media="print")
        printed = set(page.evaluate(_READABLE))
        faint = [] if again else serious(page, runOnly=["color-contrast"])
        page.emulate_media(media="screen")
        page.set_viewport_size(NARROW)
        sideways = page.evaluate(_SIDEWAYS)
        page.set_viewport_size(WIDE)
        page.wait_for_load_state("networkidle")  # what the page still asks for is its own, not the next one's
        return Visit(
            page=path,
            theme=self.theme,
            troubles=list(self.troubles),
            barriers=barriers,
            sideways=sideways,
            read=read,
            unprinted=[text for text in read if text not in printed],
            faint=faint,
            **looked,
        )


def serious(page: Page, **options: Any) -> list[str]:
    """What axe-core, which must be in the page, calls serious or critical: each rule, and an element that breaks it."""
    found = page.evaluate("(options) => axe.run(options)", {"resultTypes": ["violations"], **options})["violations"]
    return [
        f"{each['id']}: {node['html'][:200]}: {' '.join(node['failureSummary'].split())}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


def paths(site: Path) -> list[str]:
    """Every page of a built site, as a browser asks for it."""
    return sorted(f"/{file.relative_to(site)}".removesuffix("index.html") for file in site.rglob("*.html"))


def broken(visits: list[Visit], site: Path, address: str) -> list[str]:
    """Links within the site that lead to no file, or to no place in a page."""
    names = {f"{address}{visit.page}": {*visit.names, ""} for visit in visits}
    found = []
    for visit in visits:
        for link in dict.fromkeys(visit.links):
            target, place = urldefrag(link)
            if not target.startswith(f"{address}/"):
                continue
            there = names.get(target)
            if there is None and not (site / target.removeprefix(f"{address}/")).is_file():
                found.append(f"{visit.page}: {link}")
            elif there is not None and place not in there:
                found.append(f"{visit.page}: {link}: no such place")
    return found
