"""The node image: Debian with systemd, kind's own node files, kubelet, containerd, and no images inside.

It is the same machine that kind's published node image is; kind's files are read from kind's module as the
Go module cache has it, so that they fit the kind that will drive the node.
"""

import json
import re
import shutil
from pathlib import Path

from vlab import proc
from vlab.build import golang
from vlab.build.contain import CONTAINED
from vlab.build.debian import bootstrap
from vlab.build.golang import binaries
from vlab.build.pipeline import Step, Work, digest

PACKAGES = (
    *(
        "systemd",
        "bash",
        "ca-certificates",
        "curl",
        "e2fsprogs",
        "jq",
        "kmod",
        "mount",
        "procps",
        "util-linux",
    ),
    *("conntrack", "ethtool", "iproute2", "iptables", "libseccomp2", "nftables", "pigz", "runc", "socat"),
)
NETWORK = Path(__file__).with_name("node") / "pod-network.yaml"

_INSTALL = {
    "usr/local/bin": ("containerd", "containerd-shim-runc-v2", "ctr"),
    "usr/bin": ("kubeadm", "kubectl", "kubelet"),
    "opt/cni/bin": ("host-local", "loopback", "portmap", "ptp"),
}
_UNITS_OF_NO_USE = (
    "lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service",
    "lib/systemd/system/multi-user.target.wants/*",
    "etc/systemd/system/*.wants/*",
    "lib/systemd/system/local-fs.target.wants/*",
    "lib/systemd/system/sockets.target.wants/*udev*",
    "lib/systemd/system/sockets.target.wants/*initctl*",
    "lib/systemd/system/basic.target.wants/*",
)
# What a machine without CAP_SYS_RESOURCE may not set; kind's unit asks for them.
_LIMITS = re.compile(r"^(LimitNPROC|LimitCORE|LimitNOFILE|OOMScoreAdjust)=.*\n", re.MULTILINE)


def storage_images(source: str) -> tuple[str, str]:
    """The provisioner and helper image named in kind's const_storage.go, in this order."""
    provisioner = re.search(r'storageProvisionerImage = "(.+)"', source)
    helper = re.search(r'storageHelperImage = "(.+)"', source)
    if provisioner is None or helper is None:
        raise ValueError("kind's storage constants are not where they were")
    return provisioner[1], helper[1]


def storage_manifest(source: str) -> str:
    """The default storage manifest that const_storage.go holds as a Go string with two images spliced in."""
    body = re.search(r"const defaultStorageManifest = `(.*)`", source, re.DOTALL)
    if body is None:
        raise ValueError("kind's storage manifest is not where it was")
    provisioner, helper = storage_images(source)
    return body[1].replace("` + storageProvisionerImage + `", provisioner).replace("` + storageHelperImage + `", helper)


def storage_source(work: Work) -> str:
    """kind's const_storage.go."""
    return (golang.module_dir(work, "sigs.k8s.io/kind") / "pkg/build/nodeimage/const_storage.go").read_text()


def _build(work: Work) -> None:
    root = work.out / "root"
    bootstrap(work, PACKAGES, root)
    work.line.note("kind's files and the binaries")
    kind = golang.module_dir(work, "sigs.k8s.io/kind") / "images/base/files"
    for folder in ("usr/local/bin", "kind", "etc"):
        _install_tree(kind / folder, root / folder)
    for folder, names in _INSTALL.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copy2(work.result(binaries) / name, root / folder / name)
    manifests = root / "kind/manifests"
    manifests.mkdir()
    (manifests / "default-cni.yaml").write_text(NETWORK.read_text())
    (manifests / "default-storage.yaml").write_text(storage_manifest(storage_source(work)))
    (root / "kind/version").write_text(golang.version("k8s.io/kubernetes"))
    (root / "etc/kubernetes/manifests").mkdir(parents=True)
    _configure_systemd(work, root)
    _configure_containerd(root)
    work.line.note("packing")
    proc.run(["tar", "--create", "--file", work.out / "node.tar", "--directory", root, "."], log=work.log)
    shutil.rmtree(root)


def _install_tree(source: Path, target: Path) -> None:
    """Copy files with the modes that kind's Dockerfile gives them: scripts 0755, the rest 0644."""
    for file in (f for f in source.rglob("*") if f.is_file()):
        to = target / file.relative_to(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, to)
        to.chmod(0o755 if "bin" in to.parent.parts[-1:] else 0o644)


def _configure_systemd(work: Work, root: Path) -> None:
    for pattern in _UNITS_OF_NO_USE:
        for unit in root.glob(pattern):
            unit.unlink()
    with (root / "etc/systemd/journald.conf").open("a") as journald:
        journald.write("ReadKMsg=no\n")
    init = root / "sbin/init"
    init.unlink(missing_ok=True)
    init.symlink_to("/usr/lib/systemd/systemd")
    unit = root / "etc/systemd/system/containerd.service"
    unit.write_text(_LIMITS.sub("", unit.read_text()))
    for verb, units in {
        "enable": ("kubelet.service", "containerd.service", "undo-mount-hacks.service"),
        "mask": ("systemd-binfmt.service",),  # it would register with the host's kernel
    }.items():
        proc.run([*CONTAINED, "chroot", root, "systemctl", verb, *units], name="systemctl", log=work.log)


def _configure_containerd(root: Path) -> None:
    config = root / "etc/containerd/config.toml"
    # The score may not be lowered without CAP_SYS_RESOURCE.
    config.write_text(config.read_text().replace("restrict_oom_score_adj = false", "restrict_oom_score_adj = true"))
    spec = json.loads(proc.output([*CONTAINED, "chroot", root, "ctr", "oci", "spec"]))
    hook = {"path": "/kind/bin/mount-product-files.sh"}
    spec.setdefault("hooks", {}).setdefault("createContainer", []).append(hook)
    spec["process"].pop("rlimits", None)
    (root / "etc/containerd/cri-base.json").write_text(json.dumps(spec))


node_image = Step(
    "node",
    "Make the node image",
    _build,
    {"packages": PACKAGES, "network": digest([NETWORK]), "recipe": digest([Path(__file__)])},
    needs=(binaries,),
)
"""A folder with node.tar, to be imported by Podman."""
