"""Judges the facts of a machine: one row for each thing that the lab needs, with the cure where it lacks."""

import re
import sys
from dataclasses import dataclass
from typing import Literal

from vlab import machine
from vlab.build import golang, targets
from vlab.doctor.facts import Engine, Facts, go_needed
from vlab.pins import pins

Status = Literal["ok", "warn", "bad", "info"]

_GIB = 2**30
_GB = 10**9
_NOFILE = 16384
_NPROC = 32768
_MEMORY_GIB, _MEMORY_LEAST_GIB = 8, 4
_DISK_BUILD_GB, _DISK_REGISTRY_GB = (targets.PEAK_BYTES[p] // _GB for p in ("kind-built", "kind-registry"))
_DISK_BUILT_GB = 2
# What the kernel refuses, or is known to trouble, as the upper layer of containerd's overlays.
_NO_UPPER = frozenset({"overlay", "aufs", "nfs", "nfs4", "cifs", "9p", "virtiofs", "ecryptfs"})


@dataclass(frozen=True)
class Row:
    """One line of the table. `cure` is there where the status is `bad` or `warn`, and empty elsewhere."""

    name: str
    status: Status
    found: str
    need: str
    cure: str = ""


def docker_usable(f: Facts) -> bool:
    """Whether Docker runs and may start privileged containers, which it gives every capability."""
    return f.docker is not None and f.docker.answers and "CAP_SYS_RESOURCE" in f.capabilities


def podman_usable(f: Facts) -> bool:
    """Whether Podman runs and may start kind's nodes; without root they need cgroup v2."""
    return f.podman is not None and f.podman.answers and (f.root or f.cgroup == "v2")


def system(f: Facts) -> Row:
    """Operating system and cores."""
    cure = "give the machine a second core; on one, cluster and engine starve each other"
    return _judge("system", f.cores > 1, f"{f.system}, {f.cores} core(s)", "Linux, 2 cores", cure, "warn")


def processor(f: Facts) -> Row:
    """What engines on this processor compute in."""
    found = "multiplies bfloat16" if f.bfloat16 else "no AVX-512: engines compute in float32, and take longer"
    cure = "exercises under load may not show their fault here; take another machine for those"
    return _judge("processor", f.bfloat16, found, "AVX-512, for models as they are stored", cure, "warn")


def privileges(f: Facts) -> Row:
    """Root, for building."""
    need = "root, where images are built here"
    cure = "run as root (`sudo -E vlab up`), or start Docker or Podman where a container registry is reached"
    return _judge("privileges", f.root, "root" if f.root else f"user id {f.uid}", need, cure)


def capabilities(f: Facts) -> Row:
    """What the kernel lets root do here."""
    need = "CAP_SYS_ADMIN; Docker also CAP_SYS_RESOURCE"
    if "CAP_SYS_ADMIN" not in f.capabilities:
        cure = "run on the machine itself or in a virtual machine, or start this container with --privileged"
        return Row("capabilities", "bad", "no CAP_SYS_ADMIN", need, cure)
    if "CAP_SYS_RESOURCE" not in f.capabilities:
        found = "no CAP_SYS_RESOURCE: fine with Podman and vlab's own containers.conf"
        return Row("capabilities", "info", found, need)
    return Row("capabilities", "ok", "CAP_SYS_ADMIN, CAP_SYS_RESOURCE", need)


def open_files(f: Facts) -> Row:
    """Hard limit of open files."""
    cure = f"raise it as root before vlab starts: `ulimit -Hn {_NOFILE}` or limits.conf(5)"
    return _judge("ulimit nofile", f.nofile >= _NOFILE, _count(f.nofile), f"{_NOFILE} (hard)", cure, "warn")


def processes(f: Facts) -> Row:
    """Hard limit of processes."""
    cure = f"raise it as root before vlab starts: `ulimit -Hu {_NPROC}` or limits.conf(5)"
    return _judge("ulimit nproc", f.nproc >= _NPROC, _count(f.nproc), f"{_NPROC} (hard)", cure, "warn")


def cgroup(f: Facts) -> Row:
    """Version of control groups."""
    if f.cgroup.startswith("v1"):
        found = f"{f.cgroup}: vlab's cluster runs with runc, cgroupfs and failCgroupV1: false"
        return Row("cgroup", "info", found, "v2 or v1")
    cure = "mount it: `mount -t cgroup2 none /sys/fs/cgroup`"
    return _judge("cgroup", f.cgroup == "v2", f.cgroup, "v2 or v1", cure)


def memory(f: Facts) -> Row:
    """Memory for the cluster and one engine."""
    gib = f.memory / _GIB
    cure = f"stop something, or take a machine with {_MEMORY_GIB} GiB available: cluster and engine take 6"
    otherwise: Status = "warn" if gib >= _MEMORY_LEAST_GIB else "bad"
    return _judge("memory", gib >= _MEMORY_GIB, f"{gib:.1f} GiB available", f"{_MEMORY_GIB} GiB", cure, otherwise)


def disk(f: Facts) -> Row:
    """Room for the cache; what is built already lies in it."""
    gb = f.disk_free / _GB
    need, why = (
        (_DISK_BUILT_GB, "images are built already")
        if f.built
        else (_DISK_REGISTRY_GB, "images come from a registry")
        if f.node_image
        else (_DISK_BUILD_GB, "at the peak of building")
    )
    cure = f"free {max(1, need - int(gb))} GB there, or set VLAB_CACHE to a folder on a larger disk"
    return _judge("disk", gb >= need, f"{gb:.1f} GB for {f.cache}", f"{need} GB {why}", cure)


def filesystem(f: Facts) -> Row:
    """Whether the nodes' containerd can put its overlays on the cache's file system."""
    cure = "set VLAB_CACHE to a folder on a local disk (ext4, xfs, btrfs)"
    fine = f.filesystem not in _NO_UPPER and not f.filesystem.startswith("fuse")
    return _judge("file system", fine, f.filesystem, "one that overlays can lie on", cure, "warn")


def inotify(f: Facts) -> Row:
    """Inotify limits: every systemd, kubelet and containerd of every node watches files."""
    low = {name: need for name, need in machine.SYSCTLS.items() if f.sysctls[name] < need}
    found = ", ".join(f"{_last(name)} {value}" for name, value in f.sysctls.items())
    need = ", ".join(f"{_last(name)} {value}" for name, value in machine.SYSCTLS.items())
    changes = " ".join(f"{name}={value}" for name, value in low.items())
    if low and f.root and f.sysctls_writable:
        return Row("inotify", "info", f"{found}; `vlab up` sets {changes}", need)
    return _judge("inotify", not low, found, need, f"`sudo sysctl {changes}`, on the machine itself")


def docker(f: Facts) -> Row:
    """Docker, if it is there."""
    need = "one engine that answers"
    if docker_usable(f) or f.docker is None or not f.docker.answers:
        return Row("docker", "ok" if docker_usable(f) else "info", _engine(f.docker, "client only, no daemon"), need)
    found = f"{f.docker.version}, answers; may not start privileged containers without CAP_SYS_RESOURCE"
    return Row("docker", "info", found, need)


def podman(f: Facts) -> Row:
    """Podman, if it is there; the row is bad if there is no engine at all and none can be installed."""
    need, found = "one engine that answers", _engine(f.podman, "does not run")
    if podman_usable(f) or docker_usable(f):
        return Row("podman", "ok" if podman_usable(f) else "info", found, need)
    if f.podman is None and f.root and f.apt:
        return Row("podman", "info", f"{found}: `vlab up` installs it", need)
    if f.podman is not None and f.podman.answers:
        found += "; without root it needs cgroup v2"
    cure = "run as root, or start Docker or Podman (`podman info` says what it lacks)"
    return Row("podman", "bad", found, need, cure)


def forwarding(f: Facts) -> Row:
    """The iptables policy that a Docker daemon sets, which kills pod traffic between Podman's nodes."""
    dropped = f.forward_policy == "DROP" and f.bridge_nf
    found = f"{f.forward_policy or 'not set'}, bridge-nf-call-iptables={int(f.bridge_nf)}"
    cure = "`iptables -P FORWARD ACCEPT`, or `sysctl net.bridge.bridge-nf-call-iptables=0`"
    return _judge("iptables FORWARD", not dropped, found, "not DROP for bridged packets", cure)


def modules(f: Facts) -> Row:
    """The folder that kind mounts into every node."""
    if not f.modules and f.root:
        return Row("/lib/modules", "info", "absent: `vlab up` makes it, empty", "a folder")
    found = "there" if f.modules else "absent"
    return _judge("/lib/modules", f.modules, found, "a folder", "`sudo mkdir -p /lib/modules`")


def go(f: Facts) -> Row:
    """The compiler of kind, kubectl and, where images are built here, of Kubernetes."""
    name, need = "go", f"{go_needed()} or newer"
    if f.built or (f.clients_built and f.node_image):
        return Row(name, "ok", f"{f.go or 'absent'}; what it is needed for is built", need)
    fine = f.go is not None and _numbers(f.go) >= _numbers(go_needed())
    return _judge(name, fine, f.go or "absent", need, f"install Go {need} and put it on PATH")


def kind(f: Facts) -> Row:
    """kind, where it is installed."""
    return _client("kind", f.kind, golang.version("sigs.k8s.io/kind"), f.clients_built)


def kubectl(f: Facts) -> Row:
    """kubectl, where it is installed."""
    return _client("kubectl", f.kubectl, golang.version("k8s.io/kubernetes"), f.clients_built)


def packages(f: Facts) -> Row:
    """Debian packages for building."""
    missing, need = " ".join(f.packages_missing), " ".join(machine.PACKAGES)
    if missing and f.root and f.apt:
        return Row("system packages", "info", f"`vlab up` installs {missing}", need)
    cure = (
        f"`sudo apt-get install --no-install-recommends {missing}`"
        if f.apt
        else "use Debian, or start Docker or Podman where a container registry is reached"
    )
    found = f"absent: {missing}{'' if f.apt else ', and no apt-get here'}"
    return _judge("system packages", not missing, found if missing else "installed", need, cure)


def container_registry(f: Facts) -> Row:
    """Whether the node image can be pulled; it is no lack if not, since it can be built."""
    name, need = "container registry", pins().kind.node_image
    words = {
        True: "serves the node image",
        False: "not reached: it can be built here instead",
        None: "not asked",
    }
    return Row(name, "ok" if f.node_image else "info", words[f.node_image], need)


def go_modules(f: Facts) -> Row:
    """The Go module proxy."""
    cure = "let this machine reach a Go module proxy, or point GOPROXY at one that has this version"
    need = f"k8s.io/kubernetes {golang.version('k8s.io/kubernetes')}"
    enough = f.built or (f.clients_built and bool(f.node_image))
    return _registry("Go modules", f.go_modules, need, cure, enough)


def pypi(f: Facts) -> Row:
    """The Python package index."""
    cure = "let this machine reach a Python package index, or name one (UV_DEFAULT_INDEX)"
    return _registry("Python packages", f.pypi, pins().engine.model_package, cure, f.built)


def debian(f: Facts) -> Row:
    """The Debian mirror."""
    need = f"a mirror of {pins().debian.suite}"
    cure = "let apt reach a Debian mirror (its sources, its proxy), or set VLAB_DEBIAN_MIRROR to the URL of one"
    return _registry("Debian packages", f.debian, need, cure, f.built and not f.packages_missing)


def gpus(f: Facts) -> Row:
    """Real GPUs, which the profile `gpu` is for."""
    return Row("GPUs", "info", "; ".join(f.gpus) or "none: the nodes advertise simulated ones", "none")


def _judge(name: str, fine: bool, found: str, need: str, cure: str, otherwise: Status = "bad") -> Row:
    return Row(name, "ok", found, need) if fine else Row(name, otherwise, found, need, cure)


def _registry(name: str, served: bool | None, need: str, cure: str, built: bool) -> Row:
    if built or served is None:
        return Row(name, "info", "not needed: built already" if built else "not asked", need)
    return _judge(name, served, "served" if served else "not served, or no answer", need, cure)


def _client(name: str, installed: str | None, version: str, built: bool) -> Row:
    found = installed or "not installed"
    return Row(name, "ok" if built else "info", f"{found}; vlab {'has' if built else 'compiles'} its own", version)


def _engine(engine: Engine | None, silent: str) -> str:
    if engine is None:
        return "not installed"
    return f"{engine.version}, {'answers' if engine.answers else silent}"


def _count(limit: int) -> str:
    return "unlimited" if limit == sys.maxsize else str(limit)


def _last(sysctl: str) -> str:
    return sysctl.rpartition(".")[2]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", version))
