"""Every page of the built site, in both themes: whole, reachable, readable by everybody, on a phone and on paper."""

import pytest

from visiting import THEMES, broken

pytestmark = pytest.mark.browser


def none(visits, kind):
    """No page has anything wrong of this kind."""
    found = [f"{visit}: {wrong}" for visit in visits for wrong in getattr(visit, kind)]
    assert not found, "\n".join(found)


def test_every_page_was_seen_in_its_theme(visits, site, request):
    theme = request.node.callspec.params["visits"]
    assert len(visits) == len([*site.rglob("*.html")])
    assert {(visit.theme, visit.scheme) for visit in visits} == {(theme, THEMES[theme])}


def test_pages_load_without_errors_and_ask_nobody_else(visits):
    none(visits, "troubles")


def test_every_link_leads_somewhere(visits, site, address):
    assert sum(link.startswith(address) for visit in visits for link in visit.links) > len(visits)
    found = broken(visits, site, address)
    assert not found, "\n".join(found)


def test_nothing_stands_in_the_way_of_anybody(visits):
    none(visits, "barriers")


def test_no_page_scrolls_sideways_on_a_phone(visits):
    none(visits, "sideways")


def test_what_is_read_on_the_screen_is_read_on_paper(visits):
    assert [str(visit) for visit in visits if not visit.read] == []
    none(visits, "unprinted")
    none(visits, "faint")
