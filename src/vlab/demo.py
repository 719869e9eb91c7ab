"""`make demo`: from a bare machine to a graded scenario, as the commands that a learner would type."""

import shlex
import sys
import time

from rich.table import Table

from vlab import cli, ui
from vlab.errors import Exit

SCENARIO = "four-gpu-pending"

STAGES: tuple[tuple[str, str, Exit], ...] = (
    ("build and start the cluster", "up", Exit.OK),
    ("break the deployment", f"start {SCENARIO} --replace", Exit.OK),
    ("grade it: red", f"grade {SCENARIO}", Exit.CHECKS_FAILED),
    ("mend it", f"solve {SCENARIO}", Exit.OK),
    ("grade it: green", f"grade {SCENARIO}", Exit.OK),
    ("ask the model", 'ask "In one sentence, what is a GPU?"', Exit.OK),
)
"""What it is, the command, and how it must end."""


def main() -> int:
    """Run the stages; stop at the first that does not end as it must."""
    times: dict[str, float] = {}
    for stage, command, expected in STAGES:
        ui.say(f"\n$ vlab {command}", style="bold")
        started = time.monotonic()
        code = cli.run(shlex.split(command))
        times[stage] = time.monotonic() - started
        if code != expected:
            ui.say(f"the demo stops: `vlab {command}` ended with exit code {code}, not {int(expected)}")
            return code or 1
    _show(times)
    return Exit.OK


def _show(times: dict[str, float]) -> None:
    table = Table("stage", "seconds", box=None, pad_edge=False)
    for stage, seconds in times.items():
        table.add_row(stage, f"{seconds:.1f}")
    table.add_row("in all", f"{sum(times.values()):.1f}", style="bold")
    ui.out.print()
    ui.out.print(table)
    ui.say("the lab is still up: `vlab list` shows what else there is to mend, `vlab down` removes it")


if __name__ == "__main__":
    sys.exit(main())
