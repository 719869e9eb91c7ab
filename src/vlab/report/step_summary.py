"""The report as the summary of a step of GitHub Actions: Markdown, in which a learner's words are words."""

import re
from html import escape

from vlab.evidence import Evidence
from vlab.model import CheckResult, Report
from vlab.report import told, words

LIMIT = 1 << 20
"""Bytes that GitHub takes of one step; of more it shows nothing at all."""

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|~@:-])")


def text(report: Report, _: Evidence | None = None) -> str:
    """A heading, the score, and a table of the checks."""
    title = ": ".join(filter(None, (report.scenario, report.title)))
    lines = [f"## {plain(title)}", "", plain(told.whole(report)), ""]
    lines += ["| Verdict | Check | Worth | |", "|---|---|---|---|", *map(_row, report.checks)]
    found = "\n".join(lines) + "\n"
    if len(found.encode()) > LIMIT:
        return (
            "\n".join([*lines[:3], "", "There is too much to say about its checks for a summary; see the report."])
            + "\n"
        )
    return found


def _row(result: CheckResult) -> str:
    sign, word = words.MARKS[result.verdict]
    said = "<br>".join(f"**{word}:** {plain(text)}" for word, text in words.explanations(result).items())
    name = f"{plain(result.title)} <code>{escape(result.id)}</code>"
    return f"| {sign} {word} | {name} | {words.worth(result)} | {said} |"


def plain(said: str) -> str:
    """Text that is shown as it is: no markup, no mention of anybody, no cell that ends early.

    Letters and digits stay what they are; every sign that could mean something becomes its number in HTML.
    """
    marked = _MARKUP.sub(lambda sign: f"&#{ord(sign[1])};", said.replace("&", "&amp;"))
    shown = marked.replace("<", "&lt;").replace(">", "&gt;")
    return "<br>".join(line.strip() for line in shown.splitlines())
