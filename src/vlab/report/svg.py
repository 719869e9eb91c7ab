"""Plots as SVG elements that stand in a page of any theme and ask nothing of anybody."""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vlab.evidence.metrics import Point

COLOURS = ("#2f86c9", "#d55e00", "#009e73", "#cc79a7", "#b88a00", "#7a6fd0")
"""Told apart by colour-blind eyes, and seen on white and on black."""

INK = "#123456"
"""Stands for the page's own text colour until the SVG is written."""
_WIDTH = 6.0
"""Inches: so that words are legible on a telephone, and not too large on a desk."""
_STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 11.5,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.2,
    "grid.color": INK,
    "legend.frameon": False,
}


def svg(draw: Callable[[Axes], None], label: str, height: float = 2.6) -> str:
    """One plot. `label` says what it shows to those who do not see it; `height` is in inches."""
    return panels({"": draw}, label, "", height)


def panels(draws: Mapping[str, Callable[[Axes], None]], label: str, xlabel: str, height: float) -> str:
    """Plots by title, one below the other, with one x axis and one legend; each is `height` inches high."""
    with rc_context({**_STYLE, "svg.hashsalt": label}):
        figure = Figure(figsize=(_WIDTH, height * len(draws) + 0.5), layout="constrained")
        every = figure.subplots(len(draws), sharex=True, squeeze=False)[:, 0]
        for axes, (title, draw) in zip(every, draws.items(), strict=True):
            draw(axes)
            axes.set_title(title, loc="left", fontsize="medium", parse_math=False)
        if xlabel:
            every[-1].set_xlabel(xlabel)
        named = {name: handle for axes in every for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)}
        if len(named) > 1 or xlabel:
            figure.legend(named.values(), named.keys(), loc="outside upper left", ncols=4)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True)
    return _inlined(text.getvalue(), label)


def lines(axes: Axes, points: Sequence[Point], label: str, colour: str, zero: float) -> None:
    """One line an engine, told apart by its dashes; `zero` is the Unix time at which the plot begins."""
    pods = list(dict.fromkeys(p.pod for p in points))
    for number, pod in enumerate(pods):
        own = [p for p in points if p.pod == pod]
        style = ("-", "--", ":", "-.")[number % 4]
        name = label if len(pods) == 1 else f"{label}, engine {number + 1}"
        times, values = [p.t - zero for p in own], [p.value for p in own]
        axes.plot(times, values, style, color=colour, label=name, drawstyle="steps-post")


def _inlined(whole: str, label: str) -> str:
    """Without what only a file of its own needs, and without ids that nothing refers to, which would be there twice."""
    found = whole[whole.index("<svg") :].replace(INK, "currentColor")
    found = re.sub(r"<metadata>.*?</metadata>", "", found, flags=re.DOTALL)
    wanted = set(re.findall(r"(?:url\(|href=\")#([^)\"]+)", found))
    found = re.sub(r' id="([^"]+)"', lambda m: m[0] if m[1] in wanted else "", found)
    quoted = label.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return found.replace("<svg", f'<svg role="img" aria-label="{quoted}"', 1).strip()
