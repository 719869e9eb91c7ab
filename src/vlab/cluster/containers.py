"""Docker and Podman: what the nodes of a kind cluster run in."""

import json
import os
import resource
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vlab import paths, proc
from vlab.names import EngineName

_KIND_CLUSTER = "io.x-k8s.kind.cluster"

_PODMAN_CONF = """\
# Written by vlab for the Podman that it starts; your own configuration is neither read nor changed.
[containers]
# Without CAP_SYS_RESOURCE Podman may not raise a limit above what it has itself.
default_ulimits = ["nofile={nofile}:{nofile}", "nproc={nproc}:{nproc}"]
[engine]
# crun refuses a machine whose cgroups are part v1, part v2.
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
"""


@dataclass(frozen=True)
class Container:
    """A node container as its engine sees it, which may not be what it is."""

    name: str
    claims_running: bool
    pid: int
    mounts: frozenset[str]
    """Source paths on this machine."""

    @property
    def running(self) -> bool:
        """Whether its first process is there. Podman goes on saying `Up` for one that was killed behind its back."""
        return self.claims_running and self.pid > 0 and Path(f"/proc/{self.pid}").exists()


@dataclass(frozen=True)
class Engine:
    """A container engine and the environment that its commands, and kind's, run in."""

    name: EngineName
    own_conf: bool = False
    """Whether this machine needs a containers.conf of vlab's own."""

    @property
    def env(self) -> dict[str, str]:
        """Variables for kind and for the engine itself."""
        env: dict[str, str] = {"KIND_EXPERIMENTAL_PROVIDER": self.name}
        if self.own_conf:
            env["CONTAINERS_CONF"] = str(write_podman_conf())
        return env

    def output(self, *args: str | Path, timeout: float = 60) -> str:
        """Run one of the engine's commands."""
        return proc.output([self.name, *args], env=self.env, timeout=timeout)

    def nodes(self, cluster: str) -> list[Container]:
        """The node containers of a kind cluster, whether they run or not."""
        names = self.output(
            "ps", "--all", "--filter", f"label={_KIND_CLUSTER}={cluster}", "--format", "{{.Names}}"
        ).split()
        return [_container(c) for c in json.loads(self.output("inspect", *names))] if names else []

    def has_image(self, reference: str) -> bool:
        """Whether the engine has the image, without asking a registry."""
        return proc.answers([self.name, "image", "inspect", reference, "--format", "ok"], env=self.env) is not None

    def import_node(self, tar: Path, reference: str, log: Path) -> None:
        """Make an image of a root file system, with the settings that kind's own node image has."""
        changes = (
            "ENV container=docker",
            "STOPSIGNAL SIGRTMIN+3",
            'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]',
        )
        args = [part for change in changes for part in ("--change", change)]
        proc.run([self.name, "import", *args, tar, reference], log=log, env=self.env)


def remove_images(references: Sequence[str]) -> None:
    """Remove images that Podman, if it is here, has imported. One that any container uses stays.

    The machine's images are everybody's, also of a vlab with other folders: so never with --force, which would
    remove the containers of a running cluster along with its image.
    """
    podman = Engine("podman", own_conf=True)
    if references and shutil.which(podman.name):
        for reference in references:
            proc.answers([podman.name, "rmi", reference], env=podman.env)


def _container(inspected: dict[str, Any]) -> Container:
    state = inspected["State"]
    return Container(
        name=inspected["Name"].lstrip("/"),
        claims_running=bool(state.get("Running")),
        pid=int(state.get("Pid") or 0),
        mounts=frozenset(m["Source"] for m in inspected.get("Mounts", ()) if m.get("Source")),
    )


def write_podman_conf() -> Path:
    """Write the containers.conf that this machine needs and return its path."""
    conf = paths.cache() / "containers.conf"
    text = _PODMAN_CONF.format(
        nofile=resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        nproc=min(32768, _hard_nproc()),
    )
    if not conf.exists() or conf.read_text() != text:
        conf.parent.mkdir(parents=True, exist_ok=True)
        new = conf.with_name(f"containers.conf.{os.getpid()}")
        new.write_text(text)
        new.rename(conf)
    return conf


def _hard_nproc() -> int:
    hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    return 32768 if hard == resource.RLIM_INFINITY else hard
