"""How many tokens of a prompt the prefix cache finds, by how many it shares with an earlier one, for sizes of blocks.

    python benchmarks/prefix_hits.py --name vlab-test --out src/vlab/site/prefix_hits.json

It starts the task `api` for a learner of its own, gives the server each size of blocks in turn, and asks pairs of
prompts of token ids from inside the engine's container: what was found is the counter's own. The course's figure is
drawn of it.
"""

import argparse
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vlab import begin, catalog, exercise, settle, ui
from vlab.cluster import lab as labs
from vlab.cluster.kube import Kube, kube
from vlab.cluster.lab import Lab
from vlab.deployment import names
from vlab.errors import LabError
from vlab.pins import pins
from vlab.serving import is_ready
from vlab.settings import NAMESPACE, SERVICE

LEARNER = "prefix-hits"
TOKENS = 448
SHARED = range(0, 417, 16)
ASK = """
import json, random, re, sys, urllib.request
URL, MODEL, TOKENS = "http://127.0.0.1:8000", sys.argv[1], int(sys.argv[2])
def read(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    return urllib.request.urlopen(urllib.request.Request(URL + path, data, headers), timeout=60).read().decode()
def hits():
    found = re.search(r"^vllm:prefix_cache_hits_total\\{[^}]*\\} (\\S+)", read("/metrics"), re.MULTILINE)
    return float(found[1]) if found else 0.0
def ask(prompt):
    read("/v1/completions", {"model": MODEL, "prompt": prompt, "max_tokens": 1})
def ids():
    return [random.randrange(1000, 40000) for _ in range(TOKENS)]
for shared in map(int, sys.argv[3:]):
    first, second = ids(), ids()
    ask(first)
    before = hits()
    ask(first[:shared] + second[shared:])
    print(json.dumps([shared, round(hits() - before)]), flush=True)
"""


def measured(cluster: Kube, lab: Lab, size: int, model: str, note: Any) -> list[list[int]]:
    """Pairs of tokens that were shared and tokens that were found."""
    found = cluster.find("deployments", "vllm-server", NAMESPACE) or {}
    (container,) = found["spec"]["template"]["spec"]["containers"]
    args = [a for a in container["args"] if not a.startswith("--block-size")] + [f"--block-size={size}"]
    patch = {"spec": {"template": {"spec": {"containers": [{"name": container["name"], "args": args}]}}}}
    cluster.patch("deployments", "vllm-server", patch, NAMESPACE, how="strategic")
    settled = settle.settle(cluster, lab, NAMESPACE, note, (SERVICE,))
    if settled.moving:
        raise LabError(f"the server with blocks of {size} does not come up: {settled.moving}", "look at its log")
    (pod,) = [p for p in cluster.items("pods", NAMESPACE, "app=vllm-server") if is_ready(p)]
    command = ["python3", "-c", ASK, model, str(TOKENS), *map(str, SHARED)]
    ran = cluster.run(NAMESPACE, pod["metadata"]["name"], container["name"], command, timeout=300)
    if ran.code != 0:
        raise LabError(f"asking ended with {ran.code}: {ran.stderr[-300:]}", "look at the server's log")
    return [json.loads(line) for line in ran.stdout.splitlines()]


def main() -> None:
    """Measure, and take the exercise away again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", default="vlab")
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64, 128])
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    lab = labs.get(given.name)
    cluster = kube(lab)
    engine = pins().engine
    found = {}
    try:
        with ui.Steps() as steps:
            run = begin.begin(lab, catalog.exercise("api"), LEARNER, NAMESPACE, steps, replace=True)
            for size in given.sizes:
                with steps.step(f"Ask with blocks of {size}") as line:
                    found[size] = measured(cluster, lab, size, names(run)["model"], line.note)
    finally:
        exercise.remove(cluster, lab, NAMESPACE)
    kept = {
        "recorded": datetime.now(UTC).date().isoformat(),
        "vllm": engine.vllm,
        "model": engine.model.rpartition("/")[2],
        "cores": os.cpu_count(),
        "tokens": TOKENS,
        "found": found,
    }
    given.out.write_text(json.dumps(kept) + "\n")
    print(json.dumps(kept, indent=2))


if __name__ == "__main__":
    main()
