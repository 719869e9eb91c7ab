"""Compiles every program of the cluster from one pinned Go module."""

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from vlab import proc
from vlab.build.contain import CONTAINED
from vlab.build.pipeline import Step, Work, digest
from vlab.errors import Exit, LabError

MODULE = Path(__file__).with_name("gomodule")

# Snapshotters that the lab does not use; grpcnotrace keeps html/template out, so that the linker may drop
# methods that nothing calls; the WebAssembly runtime of containerd's plugin interface is large and unused.
TAGS = "no_btrfs no_devmapper no_zfs no_aufs grpcnotrace nri_no_wasm"

MAIN = ("tool", "./coredns", "./etcd", "./gpu-device-plugin")
"""What to build: `tool` is the tool block of go.mod."""

ALONE = ("github.com/rancher/local-path-provisioner",)
"""What one go command refuses to load together with the rest; see gomodule/tools.go."""

CONTAINERD = (
    "github.com/containerd/containerd/v2/cmd/containerd",
    "github.com/containerd/containerd/v2/cmd/ctr",
)
"""Compiled first, so that unpacking the engine's image need not wait for Kubernetes."""

CLIENTS = ("sigs.k8s.io/kind", "k8s.io/kubernetes/cmd/kubectl", "./gpu-device-plugin")
"""What a machine needs whose images come from a registry."""

_REFUSED = re.compile(r"(\S+@v[\w.+-]+).*?(403 Forbidden|404 Not Found|410 Gone)")


def sources() -> list[Path]:
    """The files that fix what is compiled."""
    return sorted(p for p in MODULE.rglob("*") if p.is_file())


def _inputs(packages: Sequence[str]) -> dict[str, object]:
    return {"sources": digest(sources()), "tags": TAGS, "packages": list(packages)}


def version(module: str) -> str:
    """The version of `module` that go.mod pins, such as v1.35.4."""
    found = re.search(rf"^\t{re.escape(module)} (v\S+)$", (MODULE / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise KeyError(module)
    return found.group(1)


def module_dir(work: Work, module: str) -> Path:
    """The folder of a module's own files, fetched if the module cache has been cleaned."""
    told = proc.output(["go", "mod", "download", "-json", module], env=environment(work), cwd=MODULE, timeout=300)
    return Path(json.loads(told)["Dir"])


def environment(work: Work) -> dict[str, str]:
    """Caches of our own, so that they can be removed once the binaries are folded into images."""
    return {
        "CGO_ENABLED": "0",
        "GOFLAGS": "-modcacherw -mod=readonly -buildvcs=false",
        "GOCACHE": str(work.scratch("go-build")),
        "GOMODCACHE": str(work.scratch("go-mod")),
        # Memory for time: no garbage collection in compiler and linker until one process holds 4 GiB.
        "GOGC": "off",
        "GOMEMLIMIT": "4GiB",
    }


def compile_packages(work: Work, packages: Sequence[str]) -> None:
    """Build packages of the module into `work.out`.

    Raises:
        LabError: a module version is not served, or the compiler failed.
    """
    ldflags = " ".join(["-s", "-w", *_version_flags()])
    try:
        proc.run(
            [
                *CONTAINED,
                *("go", "build", "-trimpath", "-tags", TAGS),
                # The linker drops debug information, so the compiler need not make it.
                *("-gcflags", "all=-dwarf=false", "-ldflags", ldflags),
                *("-o", f"{work.out}/", *packages),
            ],
            name="go",
            log=work.log,
            env=environment(work),
            cwd=MODULE,
        )
    except LabError as e:
        raise explained(e, work.log) from e


def explained(error: LabError, log: Path) -> LabError:
    """Name the module that a proxy refused, if that is why the build failed."""
    refused = _REFUSED.search(log.read_text(errors="replace")[-20_000:])
    if refused is None:
        return error
    return LabError(
        f"the Go module proxy does not serve {refused[1]} ({refused[2]})",
        "point GOPROXY at a proxy that has it and run the command again; what is fetched and compiled is kept",
        Exit.BUILD,
    )


def _version_flags() -> list[str]:
    kubernetes = version("k8s.io/kubernetes")
    minor = kubernetes.split(".")[1]
    values = {
        "gitVersion": kubernetes,
        "gitMajor": "1",
        "gitMinor": minor,
        "gitTreeState": "clean",
        "gitCommit": "unknown",
        "buildDate": "1970-01-01T00:00:00Z",
    }
    flags = [
        f"-X {package}.{name}={value}"
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for name, value in values.items()
    ]
    containerd = version("github.com/containerd/containerd/v2")
    return [*flags, f"-X github.com/containerd/containerd/v2/version.Version={containerd}"]


def _build_containerd(work: Work) -> None:
    compile_packages(work, CONTAINERD)


def _build_all(work: Work) -> None:
    compile_packages(work, MAIN)
    work.line.note("storage provisioner")
    compile_packages(work, ALONE)


def _build_clients(work: Work) -> None:
    compile_packages(work, CLIENTS)


def _take_clients(work: Work) -> None:
    for name in ("kind", "kubectl"):
        shutil.copy2(work.result(binaries) / name, work.out / name)


containerd = Step("containerd", "Compile containerd", _build_containerd, _inputs(CONTAINERD))

# Needs containerd only because the two would compile the same packages twice if they ran beside each other.
binaries = Step(
    "binaries",
    "Compile Kubernetes, etcd, CoreDNS, kind",
    _build_all,
    _inputs(MAIN + ALONE),
    needs=(containerd,),
)
"""Every program of the cluster, and kind, kubectl and ctr for the host."""

clients = Step("host", "Compile kind and kubectl", _build_clients, _inputs(CLIENTS))
"""Only what the host needs, where images come from a registry."""

host = Step("host", "Keep kind and kubectl", _take_clients, {}, needs=(binaries,))
"""The same, out of everything that was compiled."""
