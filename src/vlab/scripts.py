"""Runs a scenario's apply.sh as a learner would type it: kubectl is the lab's, in the exercise's namespace."""

import os
import tempfile
from pathlib import Path

from vlab import proc
from vlab.catalog import Scenario
from vlab.cluster.kube import kube
from vlab.cluster.kubectl import kubectl_path
from vlab.cluster.lab import Lab
from vlab.errors import Exit
from vlab.runs import Run

TIMEOUT_S = 300.0


def run_script(run: Run, lab: Lab, scenario: Scenario, script: Path) -> None:
    """Run a script to its end.

    Raises:
        LabError: a command in it failed, or it took too long.
    """
    cluster = kube(lab)
    context = f" --context={cluster.context}" if cluster.context else ""
    with tempfile.TemporaryDirectory(prefix="vlab-") as folder:
        link = Path(folder) / "kubectl"
        link.write_text(f'#!/bin/sh\nexec "{kubectl_path()}"{context} --namespace={run.namespace} "$@"\n')
        link.chmod(0o755)
        env = {"PATH": f"{folder}:{os.environ['PATH']}", "NAMESPACE": run.namespace, "LEARNER": run.learner}
        env |= {} if cluster.kubeconfig is None else {"KUBECONFIG": str(cluster.kubeconfig)}
        env |= {name.upper(): str(value) for name, value in run.parameters.items()}
        env |= {"SOLUTION": str(scenario.folder / "solution" / "apply.sh")}
        args: list[str | Path] = ["bash", "-euo", "pipefail", script]
        proc.output(args, env=env, cwd=script.parent, timeout=TIMEOUT_S, exit_code=Exit.NO_LAB)
