"""Prints the note from a file that `vlab load --out` wrote: with an objective that half of the answers met."""

import json
import sys

with open(sys.argv[1]) as file:  # noqa: PTH123 - as a learner would
    requests = json.load(file)["requests"]
took = sorted(r["end"] - r["intended"] for r in requests)
elapsed = max(r["end"] for r in requests) - min(r["intended"] for r in requests)
middle = len(took) // 2
objective = round((took[middle - 1] + took[middle]) / 2, 3)
good = sum(seconds <= objective for seconds in took)
print(f"""# Eight questions at once

- requests: {len(took)}
- elapsed seconds: {elapsed:.2f}
- requests per second: {len(took) / elapsed:.2f}
- mean latency seconds: {sum(took) / len(took):.2f}
- p95 latency seconds: {took[max(0, int(len(took) * 0.95) - 1)]:.2f}
- objective seconds: {objective}
- requests within the objective: {good}
- goodput per second: {good / elapsed:.2f}

## Why this is no benchmark

Eight requests, sent once, make a p95 of one request's luck. Their prompts are short and alike, real traffic is a mix
that goes on for hours, and here a CPU computes them.
""")
