"""By how much (nats a token) the promised model's weights find recorded answers less probable than the best: in right
runs, and where another model answers. Between the two lies PROBABLE_NATS. Needs no lab.

Usage: .venv/bin/python benchmarks/reference.py
"""

import json
import statistics
import sys
from collections.abc import Iterable

from vlab import catalog
from vlab.evidence import Evidence
from vlab.grading.expectations import PROBABLE_NATS
from vlab.phases import must_fail

OTHERS = ("wrong-other-model", "wrong-model-swapped")


def gaps(phases: Iterable[Evidence]) -> list[tuple[float, ...]]:
    """Token by token, of every answer."""
    return [answer for recorded in phases if "api.json" in recorded.contents.files for answer in recorded.api.gaps]


def figures(answers: list[tuple[float, ...]]) -> dict[str, float | int]:
    """The least probable token of each answer, and the mean of its tokens."""
    most = sorted(max(each) for each in answers)
    means = sorted(statistics.mean(each) for each in answers)
    return {
        "answers": len(answers),
        "least probable token, least": round(most[0], 3),
        "least probable token, median": round(statistics.median(most), 3),
        "least probable token, most": round(most[-1], 3),
        "mean, least": round(means[0], 3),
        "mean, most": round(means[-1], 3),
    }


def main() -> None:
    """Print both distributions and the margin."""
    known = catalog.scenarios().values()
    right = [Evidence(f) for s in known for phase, f in s.recorded.items() if must_fail(s, phase) is None]
    wrong = [Evidence(f) for s in known for phase, f in s.recorded.items() if phase in OTHERS]
    rights, others = gaps(right), gaps(wrong)
    if not rights or not others:
        sys.exit("no answers of both are recorded: `vlab gate --record` records them")
    found = {"PROBABLE_NATS": PROBABLE_NATS, "right": figures(rights), "another model": figures(others)}
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
