"""Shows the figures of a load run: as tables in the terminal and as one HTML file."""

from pathlib import Path

from jinja2 import Environment
from markupsafe import Markup
from rich.table import Table

from vlab.load.compare import Comparison
from vlab.load.result import LoadResult
from vlab.load.summary import Group, Spread, Summary

_TEMPLATE = Path(__file__).with_name("report.html.j2")


def rows(group: Group) -> list[tuple[str, Spread]]:
    """The measured quantities of a group with their names."""
    named = {
        "TTFT": group.ttft,
        "ITL": group.inter_token_latency,
        "TPOT": group.time_per_output_token,
        "latency": group.latency,
    }
    return [(name, spread) for name, spread in named.items() if spread is not None]


def groups(summary: Summary) -> list[Group]:
    """What to show: each class, and all together where there are several."""
    return [*summary.classes, *([summary.total] if len(summary.classes) > 1 else [])]


def latency_table(summary: Summary) -> Table:
    """Percentiles by class, in seconds. ITL: inter-token latency; TPOT: time per output token."""
    table = Table(box=None, pad_edge=False)
    for name in ("class", "seconds"):
        table.add_column(name)
    for name in ("n", "mean", "p50", "p90", "p95", "p99", "max"):
        table.add_column(name, justify="right")
    for group in groups(summary):
        for name, s in rows(group):
            values = (s.mean, s.p50, s.p90, s.p95, s.p99, s.max)
            table.add_row(group.name, name, str(s.n), *(f"{v:.3f}" for v in values))
    return table


def lines(summary: Summary) -> list[str]:
    """What the tables leave out: throughput, errors, the engine's side, and whether both counted the same."""
    found = [
        f"{g.name}: {g.succeeded} of {g.requests} requests succeeded, "
        f"{g.requests_per_second:.2f} requests/s, {g.output_tokens_per_second:.1f} output tokens/s"
        + (f", errors: {errors(g.errors)}" if g.errors else "")
        for g in groups(summary)
    ]
    if summary.not_sent:
        found.append(f"{summary.not_sent} requests were not sent: the run's time was over")
    for s in summary.servers:
        gauges = [
            f"{name} {g.mean:.2f} mean, {g.max:.2f} max"
            for name, g in (
                ("running", s.running),
                ("waiting", s.waiting),
                ("KV cache usage", s.kv_cache_usage),
            )
            if g is not None
        ]
        preempted = [f"{s.preemptions:.0f} preemptions"] if s.preemptions is not None else []
        restarts = [f"{s.restarts} restarts"] if s.restarts else []
        found.append(f"engine ({s.samples} samples): {'; '.join([*gauges, *preempted, *restarts])}")
    c = summary.consistency
    found.append(
        f"tokens in / out: client {c.client_prompt_tokens} / {c.client_output_tokens}, engine "
        f"{_whole(c.server_prompt_tokens)} / {_whole(c.server_generation_tokens)}: {c.note}"
    )
    return found


def errors(kinds: dict[str, int]) -> str:
    """'timeout 3, http_503 1', most frequent first."""
    return ", ".join(f"{kind} {n}" for kind, n in sorted(kinds.items(), key=lambda item: -item[1]))


def compare_table(comparison: Comparison) -> Table:
    """A row a figure."""
    table = Table(box=None, pad_edge=False)
    for name in ("class", "figure"):
        table.add_column(name, no_wrap=True)
    for name in ("A", "B", "B/A", "95%"):
        table.add_column(name, justify="right")
    for name in ("B is", "note"):
        table.add_column(name)
    colours = {"better": "green", "worse": "red", "unclear": "dim"}
    for row in comparison.rows:
        interval = f"{row.interval[0]:.2f}-{row.interval[1]:.2f}" if row.interval else ""
        verdict = f"[{colours[row.verdict]}]{row.verdict}[/]"
        numbers = (_number(row.a), _number(row.b), _number(row.ratio))
        table.add_row(row.group, row.figure, *numbers, interval, verdict, row.note)
    return table


def html(result: LoadResult, summary: Summary) -> str:
    """One HTML page that needs nothing from anywhere."""
    from vlab.load.plots import plots

    template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(_TEMPLATE.read_text())
    failed = [r for r in result.requests if not r.ok]
    return template.render(
        result=result,
        summary=summary,
        groups=groups(summary),
        rows=rows,
        lines=lines(summary),
        failed=failed[:50],
        failed_count=len(failed),
        plots={title: Markup(svg) for title, svg in plots(result).items()},  # noqa: S704 - our own SVG
    )


def _whole(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0f}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
