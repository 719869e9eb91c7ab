"""What `vlab load` costs: the same prompts at the same engine, sent by `vllm bench serve` and by `vlab load` in turns,
both from the witness pod. Goal: throughput and median time to first token within 5%.

Starts four-gpu-pending, mends it, turns prefix caching off (else a prompt that was seen is answered sooner), and
removes it again. Needs a lab (`vlab up`) with nothing deployed in namespace llm-demo, on a machine that is idle.

Usage: .venv/bin/python benchmarks/load.py [--name LAB] [--runs 5] [--json]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from vlab import exercise, paths
from vlab.cluster import lab
from vlab.cluster.kube import kube
from vlab.cluster.witness import Witness
from vlab.endpoint import open_witness
from vlab.load import traffic
from vlab.load.result import LoadResult
from vlab.load.summary import summarise
from vlab.load.workload import Workload, checked
from vlab.names import DEFAULT_LAB
from vlab.pins import pins
from vlab.settings import NAMESPACE

SCENARIO = "four-gpu-pending"
TOKENS = 64
WORKLOAD = {
    "title": "Thirty-two at once",
    "seed": 5,
    "prompts": "repeat",
    "classes": [
        {
            "name": "all",
            "arrival": {"loop": "closed", "users": 32},
            "requests": 32,
            "prompt": {"words": 120},
            "output_tokens": TOKENS,
        }
    ],
}
LIMIT_S = 300.0


def vlab(*arguments: str) -> str:
    """Run the console script as its user does, which must not fail."""
    command = [Path(sys.executable).with_name("vlab"), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout


def deploy() -> None:
    """An engine that caches no prefix."""
    vlab("start", SCENARIO, "--learner", "benchmark")
    vlab("solve", SCENARIO, "--learner", "benchmark")
    found = vlab("kubectl", "-n", NAMESPACE, "get", "deployment", "vllm-server", "-o", "json")
    change = paths.data("scenarios") / "common" / "patch_args.py"
    patched = subprocess.run(
        [sys.executable, change, "--no-enable-prefix-caching"], input=found, check=True, capture_output=True, text=True
    )
    vlab("kubectl", "-n", NAMESPACE, "patch", "deployment", "vllm-server", "--patch", patched.stdout)
    vlab("kubectl", "-n", NAMESPACE, "rollout", "status", "deployment", "vllm-server", "--timeout=300s")


def by_bench(witness: Witness, service: str, workload: Workload) -> dict[str, float]:
    """Throughput (tokens a second) and median time to first token (seconds) as vLLM's own tool measures them."""
    (of,) = workload.classes
    orders = [traffic.build(workload, of, i, "") for i in range(of.requests or 0)]
    # In ShareGPT's form: bench's own form of custom prompts is read with pandas, which the engine's image has not.
    prompts = json.dumps([{"conversations": [{"value": o.content["prompt"]}, {"value": "."}]} for o in orders])
    model = f"/models/{pins().engine.model}"
    command = f"""
cat > /tmp/prompts.json <<'PROMPTS'
{prompts}
PROMPTS
cd /tmp && python3 -m vllm.entrypoints.cli.main bench serve --backend openai --base-url {service} \
  --model {pins().engine.model} --tokenizer {model} --dataset-name sharegpt --dataset-path /tmp/prompts.json \
  --sharegpt-output-len {TOKENS} --num-prompts {len(orders)} --ignore-eos --disable-shuffle \
  --request-rate inf --temperature 0 --save-result --result-dir /tmp --result-filename bench.json >/tmp/bench.log 2>&1 \
  || {{ tail -5 /tmp/bench.log >&2; exit 1; }}
cat /tmp/bench.json
"""
    ran = witness.cluster.run(
        witness.namespace, "witness", "witness", ["bash", "-c", command], timeout=LIMIT_S, limit=8 << 20
    )
    if ran.code != 0:
        raise SystemExit(f"vllm bench serve failed: {ran.stderr[-800:]}")
    said: dict[str, Any] = json.loads(ran.stdout)
    return {"throughput": said["output_throughput"], "ttft": said["median_ttft_ms"] / 1000}


def by_vlab(witness: Witness, service: str, workload: Workload) -> dict[str, float]:
    """The same as `vlab load` measures it."""
    given = {"service": service, "workload": workload.model_dump(mode="json"), "model": "", "api_key": None}
    events = witness.ask("load", given, LIMIT_S)
    result = LoadResult.model_validate(next(e for e in events if e["kind"] == "result")["result"])
    total = summarise(result).total
    if total.ttft is None or total.succeeded < total.requests:
        raise SystemExit("requests of vlab load failed")
    return {"throughput": total.output_tokens_per_second, "ttft": total.ttft.p50}


def main() -> None:
    """Measure in turns, and print both beside each other."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--name", default=DEFAULT_LAB)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    os.environ["VLAB_NAME"] = given.name
    workload = checked(WORKLOAD, "benchmarks/load.py")
    found = lab.get(given.name)
    deploy()
    witness, service = open_witness(found, NAMESPACE)
    tools = {"vllm bench serve": by_bench, "vlab load": by_vlab}
    by_vlab(witness, service, workload)  # the engine's first answers take longer
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in tools}
    for number in range(given.runs):
        for name, measure in list(tools.items())[:: 1 if number % 2 else -1]:
            runs[name].append(measure(witness, service, workload))
    exercise.remove(kube(found), found, NAMESPACE)
    medians = {n: {k: statistics.median(r[k] for r in v) for k in ("throughput", "ttft")} for n, v in runs.items()}
    ratio = {k: medians["vlab load"][k] / medians["vllm bench serve"][k] for k in ("throughput", "ttft")}
    if given.json:
        Console().print_json(json.dumps({"runs": runs, "medians": medians, "ratio": ratio}))
        return
    table = Table("tool", "tokens/s, median", "TTFT p50 s, median", "all runs", box=None)
    for name, figures in medians.items():
        every = ", ".join(f"{r['throughput']:.0f}/{r['ttft']:.2f}" for r in runs[name])
        table.add_row(name, f"{figures['throughput']:.1f}", f"{figures['ttft']:.3f}", every)
    table.add_row("ratio", f"{ratio['throughput']:.3f}", f"{ratio['ttft']:.3f}", "")
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
