"""kubectl, for what learners type: which one, and with which kubeconfig."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from vlab import paths, proc
from vlab.errors import Exit

if TYPE_CHECKING:
    from vlab.cluster.lab import Lab


def own_kubeconfig(lab: "Lab") -> Path:
    """A kubeconfig that names this lab's cluster and nothing else; of a context it is made when it is asked for.

    Raises:
        LabError: the user's kubeconfig has no such context.
    """
    if lab.provider == "context":
        command: list[str | Path] = [
            kubectl_path(),
            "--context",
            lab.context,
            "config",
            "view",
            "--minify",
            "--flatten",
        ]
        text = proc.output(command, exit_code=Exit.NO_LAB)
        lab.kubeconfig.touch(mode=0o600)
        lab.kubeconfig.write_text(text)
    return lab.kubeconfig


def kubectl_path() -> Path:
    """The kubectl that vlab compiled, else the user's own.

    Raises:
        LabError: there is none.
    """
    for built in sorted((paths.cache() / "host").glob("*/kubectl")):
        return built
    found = shutil.which("kubectl")
    if found is None:
        raise proc.missing("kubectl")
    return Path(found)
