"""Runs an exercise's apply.sh as a learner would type it: kubectl and vlab are the lab's, in its namespace."""

import os
import sys
import tempfile
from pathlib import Path

from vlab import proc
from vlab.catalog import Exercise
from vlab.cluster.kube import kube
from vlab.cluster.kubectl import kubectl_path
from vlab.cluster.lab import Lab
from vlab.deployment import names
from vlab.errors import Exit
from vlab.runs import Run

TIMEOUT_S = 300.0


def run_script(run: Run, lab: Lab, scenario: Exercise, script: Path, answers: Path | None = None) -> None:
    """Run a script to its end.

    Args:
        answers: the folder that it writes answers to; the learner's own if not given.

    Raises:
        LabError: a command in it failed, or it took too long.
    """
    cluster = kube(lab)
    context = f" --context={cluster.context}" if cluster.context else ""
    with tempfile.TemporaryDirectory(prefix="vlab-") as folder:
        link = Path(folder) / "kubectl"
        link.write_text(f'#!/bin/sh\nexec "{kubectl_path()}"{context} --namespace={run.namespace} "$@"\n')
        link.chmod(0o755)
        own = Path(folder) / "vlab"
        own.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "from vlab.cli import main; main()" "$@"\n')
        own.chmod(0o755)
        env = {"PATH": f"{folder}:{os.environ['PATH']}"}
        env |= {"VLAB_NAME": lab.name, "VLAB_LEARNER": run.learner}
        env |= {} if cluster.kubeconfig is None else {"KUBECONFIG": str(cluster.kubeconfig)}
        env |= {name.upper(): str(value) for name, value in names(run).items()}
        env |= {"SOLUTION": str(scenario.folder / "solution" / "apply.sh"), "ANSWERS": str(answers or run.answers)}
        Path(env["ANSWERS"]).mkdir(parents=True, exist_ok=True)
        args: list[str | Path] = ["bash", "-euo", "pipefail", script]
        proc.output(args, env=env, cwd=script.parent, timeout=TIMEOUT_S, exit_code=Exit.NO_LAB)
