"""Fills a run's figures into a text: {{x}}, {{~x}} rounded, {{,x}} with a decimal comma, {{x*4}} and {{x/2}} false."""

import re
from collections.abc import Mapping

from vlab.errors import LabError

_PLACEHOLDER = re.compile(r"\{\{\s*([~,]?)\s*([a-z][a-z0-9_]*)\s*(?:([*/])\s*(\d+))?\s*\}\}")


def fill(text: str, figures: Mapping[str, float]) -> str:
    """The text with numbers for its placeholders. A count stays whole in a false number, others get two decimals.

    Raises:
        LabError: a placeholder names no figure of this run.
    """

    def number(match: re.Match[str]) -> str:
        form, name, operator, by = match.groups()
        if name not in figures:
            raise LabError(
                f"{match[0]}: this run has no figure of that name", f"it has {', '.join(figures) or 'none at all'}"
            )
        value = figures[name]
        if operator:
            value = _false(value, operator, int(by))
        if form == "~":
            return f"{value:.0f}"
        return str(value).replace(".", ",") if form == "," else str(value)

    return _PLACEHOLDER.sub(number, text)


def _false(value: float, operator: str, by: int) -> float:
    changed = value * by if operator == "*" else value / by
    return round(changed) if isinstance(value, int) else round(changed, 2)
