"""How long the command line takes to answer, the median of 11 runs taken in turns: `python benchmarks/cli.py`."""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

VLAB = str(Path(sys.executable).with_name("vlab"))
COMMANDS = {
    "python -c 'import typer'": [sys.executable, "-c", "import typer"],
    "vlab --help": [VLAB, "--help"],
    "vlab list": [VLAB, "list"],
}
RUNS = 11


def seconds(command: list[str]) -> float:
    """Run it once."""
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Print the medians, beside what importing typer alone takes."""
    for command in COMMANDS.values():
        seconds(command)  # byte code and page cache
    rounds = [{name: seconds(command) for name, command in COMMANDS.items()} for _ in range(RUNS)]
    medians = {name: statistics.median(r[name] for r in rounds) for name in COMMANDS}
    base = next(iter(medians.values()))
    figures = {name: {"ms": round(m * 1000), "times_typer": round(m / base, 2)} for name, m in medians.items()}
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
