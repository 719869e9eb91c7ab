"""Recorded runs for the page that the reader drives: what the engine counted over time, and what it was sent."""

import json
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass
from html import escape
from typing import Any

from vlab import catalog
from vlab.evidence import CannotTell, Evidence, Measured, load
from vlab.evidence.metrics import CACHE, GENERATION_TOKENS, PREEMPTIONS, RUNNING, WAITING
from vlab.evidence.traffic import Traffic
from vlab.site import figures

OWN_BLOCKS = 1
"""Of a pool's blocks one is given to nobody: use is a fraction of the others."""
_MOST_BLOCKS = 100_000


@dataclass(frozen=True)
class Settings:
    """What an engine takes where it is not told: tokens of a step, and requests at once."""

    budget: int
    max_seqs: int


DEFAULTS: Mapping[str, Settings] = {"": Settings(2048, 128), "gpu": Settings(8192, 1024)}
"""By profile: vLLM's own for a server on a CPU with one worker, and on a GPU with 70 GiB or more."""


@dataclass(frozen=True)
class Sample:
    """What the engine counted at one moment."""

    t: float
    """Seconds since the first request was due."""
    used: int
    """Blocks."""
    running: int
    waiting: int
    preemptions: int
    """Since the load began."""
    written: int
    """Tokens of answers since the load began."""


@dataclass(frozen=True)
class Run:
    """One recorded load on one engine."""

    title: str
    recorded: str
    """On what, and when."""
    blocks: int
    """Of the pool, its own one included."""
    block_size: int
    budget: int
    max_seqs: int
    samples: tuple[Sample, ...]
    requests: tuple[tuple[int, int], ...]
    """Tokens of the prompt and of the answer, in the order in which they were sent."""


def of_load(measured: Measured, evidence: Evidence, title: str) -> Run:
    """A recorded load.

    Raises:
        CannotTell: it does not have what a run is made of, or more than one engine answered.
    """
    traffic = Traffic(measured)
    metrics = traffic.metrics
    if len(metrics.pods) != 1:
        raise CannotTell("more than one engine answered: their blocks are not one pool")
    running, waiting, use = (metrics.points(name) for name in (RUNNING, WAITING, CACHE))
    preempted, written = (metrics.risen(name) for name in (PREEMPTIONS, GENERATION_TOKENS))
    given = _blocks_of({point.value for point in use})
    samples = tuple(
        Sample(round(max(0.0, r.t - traffic.began), 2), round(u.value * given), *(round(p.value) for p in (r, w, p, g)))
        for r, w, u, p, g in zip(running, waiting, use, preempted, written, strict=True)
    )
    profile = "gpu" if evidence.header.cluster.get("gpu") else ""
    sent = sorted(traffic.requests, key=lambda r: r.sent)
    return Run(
        title,
        figures.recorded_on(evidence),
        given + OWN_BLOCKS,
        _block_size(evidence, profile),
        DEFAULTS[profile].budget,
        DEFAULTS[profile].max_seqs,
        samples,
        tuple((r.prompt_tokens or 0, r.output_tokens) for r in sent),
    )


def _blocks_of(fractions: set[float]) -> int:
    """How many blocks a pool can give, which no sample says: the fewest of which every use is a whole number."""
    for blocks in range(1, _MOST_BLOCKS):
        if all(abs(f * blocks - round(f * blocks)) < 1e-6 for f in fractions) and len(fractions) > 2:
            return blocks
    raise CannotTell("the pool's size cannot be told from how much of it was in use")


def _block_size(evidence: Evidence, profile: str) -> int:
    scenario = catalog.scenario(evidence.header.scenario)
    values = catalog.merged(scenario.values, scenario.on(profile).values)
    return int(values["server"]["flags"]["block-size"])


def runs() -> dict[str, Run]:
    """Those that the page plays, by name: the same loads as the figures of the course are drawn from."""
    scenario = catalog.scenario("cache-saturated")
    cpu, gpu = scenario.recorded, scenario.recorded_on("gpu")
    small, large, small_gpu, large_gpu = (
        load(f) for f in (cpu["faulty"], cpu["healthy"], gpu["faulty"], gpu["solved"])
    )
    return {
        "small": of_load(small.before, small, "A pool too small, on a CPU"),
        "large": of_load(large.after, large, "A large pool, on a CPU"),
        "small-gpu": of_load(small_gpu.before, small_gpu, "A pool too small, on a GPU"),
        "large-gpu": of_load(large_gpu.after, large_gpu, "A large pool, on a GPU"),
    }


def html() -> str:
    """All runs as data for the page's script, and as tables for whoever has none or does not see."""
    every = runs()
    data = json.dumps({name: as_data(run) for name, run in every.items()}, separators=(",", ":"))
    tables = "".join(_table(run) for run in every.values())
    script = data.replace("<", "\\u003c")
    return f'<script type="application/json" id="vlab-runs">{script}</script>{tables}'


def as_data(run: Run) -> dict[str, Any]:
    """As the page's scripts have it: names as in JavaScript, samples in columns."""
    samples = [asdict(sample) for sample in run.samples]
    return {
        "title": run.title,
        "recorded": run.recorded,
        "blocks": run.blocks,
        "blockSize": run.block_size,
        "budget": run.budget,
        "maxSeqs": run.max_seqs,
        "samples": {name: [sample[name] for sample in samples] for name in samples[0]},
        "requests": [{"prompt": prompt, "output": output} for prompt, output in run.requests],
    }


def _table(run: Run) -> str:
    """Every sample, folded."""
    columns = ("Seconds", "Blocks in use", "Running", "Waiting", "Preemptions so far", "Tokens written")
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    rows = "".join(_row(sample) for sample in run.samples)
    title = f"{run.title}: every sample"
    return (
        f"<details data-search-exclude><summary>{escape(title)}</summary>"
        f"<p>Blocks to give: {run.blocks - OWN_BLOCKS}. {escape(run.recorded)}</p>"
        f'<div class="vlab-scroll" tabindex="0" role="region" aria-label="{escape(title)}">'
        f'<table class="vlab-table"><caption>{escape(title)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div></details>"
    )


def _row(sample: Sample) -> str:
    first, *others = astuple(sample)
    return f'<tr><th scope="row">{first:.2f}</th>{"".join(f"<td>{value}</td>" for value in others)}</tr>'
