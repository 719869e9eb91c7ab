"""The engine in its pod: from the pod's creation to Ready, five times; the memory that the machine uses with the lab
and one engine; the disk at rest.

Needs a lab (`vlab up`) with nothing deployed in namespace llm-demo, on a machine that does nothing else.

Usage: .venv/bin/python benchmarks/engine.py [--name LAB]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from vlab import catalog, exercise
from vlab.bring import bring
from vlab.cluster import lab
from vlab.cluster.kube import Kube, kube
from vlab.deployment import kept
from vlab.names import DEFAULT_LAB
from vlab.serving import is_ready

RUNS = 5
SCENARIO = "four-gpu-pending"


def vlab(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the console script, which must not fail; a red grade is no failure here."""
    return subprocess.run(
        [Path(sys.executable).with_name("vlab"), *arguments], capture_output=True, text=True, check=False
    )


def seconds_to_ready(cluster: Kube, namespace: str) -> float:
    """Delete the engine's pod and wait until the next one is ready."""
    pods = cluster.items("pods", namespace)
    old = {p["metadata"]["uid"] for p in pods}
    for pod in pods:
        cluster.delete("pods", pod["metadata"]["name"], namespace)
        cluster.gone("pods", pod["metadata"]["name"], namespace)
    started = time.monotonic()

    def ready() -> bool:
        pods = [p for p in cluster.items("pods", namespace) if p["metadata"]["uid"] not in old]
        return bool(pods) and all(is_ready(p) for p in pods)

    Retrying(retry=retry_if_result(lambda r: not r), stop=stop_after_delay(300), wait=wait_fixed(0.2))(ready)
    return round(time.monotonic() - started, 1)


def memory_used_gib() -> float:
    """What the whole machine uses and could not give back."""
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    total, available = (int(lines[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    return round((total - available) / 2**20, 2)


def main() -> None:
    """Print the figures as JSON."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--name", default=DEFAULT_LAB)
    name = options.parse_args().name
    os.environ["VLAB_NAME"] = name
    found = lab.get(name)
    cluster = kube(found)
    before = memory_used_gib()
    scenario = catalog.scenario(SCENARIO)
    run = exercise.start(found, scenario, "benchmark", replace=True)
    healthy = kept(run).healthy
    bring(cluster, found, run, healthy, scenario)
    assert vlab("grade", SCENARIO, "--learner", "benchmark").returncode == 0  # noqa: S101
    starts = [seconds_to_ready(cluster, run.namespace) for _ in range(RUNS)]
    figures = {
        "engine to Ready, s": {"median": statistics.median(starts), "each": starts},
        "memory of the machine, GiB": {"lab": before, "lab and one engine": memory_used_gib()},
        "cache, bytes": json.loads(vlab("cache", "--json").stdout)["bytes"],
    }
    exercise.remove(cluster, found, run.namespace)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
