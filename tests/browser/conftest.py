"""One built site, one server and one browser for all tests in a browser."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from visiting import THEMES, Visit, Window, paths, served

ROOT = Path(__file__).parents[2]
CHROMIUM = "/usr/bin/chromium"
ALONE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
"""What asks another host is written down, and gets nothing."""

# Playwright keeps an event loop while it runs, and other tests have their own: all this ends with the last test here.


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it, without solutions."""
    made = tmp_path_factory.mktemp("site")
    known = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS")) and k != "VLAB_SOLUTIONS"}
    # With the packages that this test has: they are not to be installed once more.
    command = ["make", "--old-file=setup", "docs", f"SITE={made}", f"BIN={Path(sys.executable).parent}"]
    ended = subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return made


@pytest.fixture(scope="package")
def address(site: Path) -> Iterator[str]:
    with served(site) as at:
        yield at


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=[ALONE])


@pytest.fixture(scope="package", params=[pytest.param(theme, marks=pytest.mark.xdist_group(theme)) for theme in THEMES])
def visits(request: pytest.FixtureRequest, browser: Browser, site: Path, address: str) -> list[Visit]:
    """Every page in a theme, looked at once for all tests; where several processes test, each theme is one's."""
    window = Window(browser, address, request.param)
    page = window.context.new_page()
    made = [window.visit(page, path) for path in paths(site)]
    window.context.close()
    return made


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """An empty page of a browser that was never here before; in the end nothing may have gone wrong in it."""
    window = Window(browser, address, "light")
    yield window.context.new_page()
    window.context.close()
    assert window.troubles == []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first one builds the site and looks at all of it, on a machine that may do other things as well."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.timeout(600))
