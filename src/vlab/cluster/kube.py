"""One cluster's API: kubectl for what kubectl does best, the Python client for reading and watching."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from vlab import paths, proc
from vlab.errors import Exit, LabError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

Object = dict[str, Any]
"""A Kubernetes object as its API serves it."""

_FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")


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


@dataclass(frozen=True)
class Kube:
    """A cluster, as one kubeconfig and context name it. `context` empty means the kubeconfig's current one."""

    kubeconfig: Path | None
    context: str

    @property
    def command(self) -> list[str]:
        """kubectl with the flags that make it speak to this cluster and no other."""
        where = ["--kubeconfig", str(self.kubeconfig)] if self.kubeconfig else []
        return [str(kubectl_path()), *where, *(["--context", self.context] if self.context else [])]

    def kubectl(self, *args: str | Path, stdin: str | None = None, timeout: float = 60) -> str:
        """Run kubectl to its end and return what it printed.

        Raises:
            LabError: with kubectl's own last line.
        """
        return proc.output([*self.command, *args], stdin=stdin, timeout=timeout, exit_code=Exit.NO_LAB)

    def answers(self, timeout: float = 5) -> bool:
        """Whether the API server says that it is ready."""
        args = [*self.command, "get", "--raw", "/readyz", f"--request-timeout={timeout:.0f}s"]
        return proc.answers(args, timeout=timeout + 2) == "ok"

    def apply(self, objects: Sequence[Object]) -> None:
        """Create or change objects, as `kubectl apply` does: a learner may go on with kubectl apply from there."""
        self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))

    def get(self, *args: str) -> Object:
        """`kubectl get ... -o json`: an object, or a List with items."""
        return dict(json.loads(self.kubectl("get", *args, "-o", "json")))

    def items(self, *args: str) -> list[Object]:
        """The objects that `kubectl get` lists."""
        return list(self.get(*args)["items"])

    def exists(self, *args: str) -> bool:
        """Whether `kubectl get` finds at least one object of this name."""
        return bool(self.kubectl("get", *args, "--ignore-not-found", "-o", "name").strip())

    def delete(self, *args: str, timeout: float = 120) -> None:
        """Delete and wait until it is gone; what is not there is no error."""
        self.kubectl("delete", *args, "--ignore-not-found", "--wait=true", timeout=timeout)

    @cached_property
    def client(self) -> "ApiClient":
        """The Python client. Imported late: its thousand models take most of a second."""
        from kubernetes import config

        return config.new_client_from_config(
            config_file=str(self.kubeconfig) if self.kubeconfig else None, context=self.context or None
        )

    @contextmanager
    def forward(self, target: str, port: int, namespace: str) -> Iterator[str]:
        """A port of this machine's loopback that leads to a pod or Service; gives its URL.

        Raises:
            LabError: there is no such target or it has no ready pod.
        """
        with subprocess.Popen(
            [*self.command, "port-forward", "-n", namespace, target, f":{port}", "--address", "127.0.0.1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                yield f"http://127.0.0.1:{_forwarded_port(process, target)}"
            finally:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(5)
                process.kill()


def _forwarded_port(process: "subprocess.Popen[str]", target: str) -> int:
    said = ""
    for line in process.stdout or ():
        if found := _FORWARDING.search(line):
            return int(found[1])
        said = line.strip() or said
    raise LabError(
        f"cannot reach {target}: {said or 'kubectl port-forward ended'}",
        "see `vlab kubectl get pods,endpointslices`: a Service leads to ready pods only",
        Exit.NO_LAB,
    )


def current_context(kubeconfig: str | None = None) -> str:
    """The context that the user's own kubectl would use, or an empty string."""
    env = {"KUBECONFIG": kubeconfig} if kubeconfig else dict(os.environ)
    return (proc.answers([kubectl_path(), "config", "current-context"], env=env) or "").strip()
