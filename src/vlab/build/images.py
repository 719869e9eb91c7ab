"""Which images the cluster runs, and the golden store that holds them all unpacked."""

import os
import shutil
from pathlib import Path

from vlab import proc
from vlab.build import engine, golang, node, oci, store, straight
from vlab.build.debian import bootstrap
from vlab.build.golang import binaries
from vlab.build.pipeline import Step, Work, digest
from vlab.pins import pins

TOOLS = pins().tools.image

PACKAGES = ("bash", "ca-certificates", "curl", "iproute2", "iptables", "kmod", "nftables", "nginx-light")
"""What kube-proxy and the pod network run, and the web server of the streaming exercises."""

_IN_IMAGES = (
    *("kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl"),
    *("coredns", "etcd", "gpu-device-plugin", "local-path-provisioner"),
)
# Where kubeadm's and kind's manifests look for programs that are not on the PATH of the stock images.
_LINKS = {"coredns": "usr/local/bin/coredns"}
_ENTRYPOINTS = {
    "pause": ["sleep", "infinity"],
    "coredns": ["/coredns"],
    "local-path-provisioner": ["local-path-provisioner"],
}
_ENV = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]


def _build_root(work: Work) -> None:
    bootstrap(work, PACKAGES, work.out / "root")


def _layer(work: Work) -> Path:
    """A folder with the programs under usr/local/bin, hard-linked from where they were compiled."""
    root = work.out / "programs"
    bin_folder = root / "usr/local/bin"
    bin_folder.mkdir(parents=True)
    for name in _IN_IMAGES:
        os.link(work.result(binaries) / name, bin_folder / name)
    for link, target in _LINKS.items():
        (root / link).symlink_to(target)
    return root


def references(kubeadm: Path, storage_source: str) -> list[str]:
    """The images that kubeadm and kind's storage ask for by name, and our own."""
    version = golang.version("k8s.io/kubernetes")
    wanted = proc.output([kubeadm, "config", "images", "list", "--kubernetes-version", version]).split()
    # kind's containerd is configured with the pause image that it names itself, an older one than kubeadm's.
    pauses = [r.rsplit(":", 1)[0] + ":3.10" for r in wanted if "/pause:" in r]
    return [*wanted, *pauses, *node.storage_images(storage_source), TOOLS]


def _image(reference: str, layers: tuple[oci.Layer, ...]) -> oci.Image:
    name = reference.rsplit("/", 1)[1].split(":")[0]
    entrypoint = {"Entrypoint": _ENTRYPOINTS[name]} if name in _ENTRYPOINTS else {}
    return oci.Image(reference, layers, {"Env": _ENV, **entrypoint})


def _build_store(work: Work) -> None:
    golden = work.out / "containerd"
    store.extend(work.result(engine_store) / "containerd", golden)
    layers = (oci.Layer(work.result(tools_root) / "root"), oci.Layer(_layer(work)))
    wanted = references(work.result(binaries) / "kubeadm", node.storage_source(work))
    store.import_images([_image(r, layers) for r in wanted], golden, work.result(binaries), work.log)
    shutil.rmtree(work.out / "programs")


def _build_engine_store(work: Work) -> None:
    image = engine.engine_image(work.root)
    straight.link_image(image, work.out / "containerd", work.result(golang.containerd), work.log)


tools_root = Step("tools-root", "Make the small images' Debian", _build_root, {"packages": PACKAGES})
"""A folder with `root`."""


def _build_archive(work: Work) -> None:
    """The device plugin alone, for nodes whose other images come from a registry."""
    bin_folder = work.out / "root/usr/local/bin"
    bin_folder.mkdir(parents=True)
    shutil.copy2(work.result(golang.clients) / "gpu-device-plugin", bin_folder)
    with (work.out / "tools.tar").open("wb") as out:
        oci.write_layout([oci.Image(TOOLS, (oci.Layer(work.out / "root"),), {"Env": _ENV})], out)


tools_archive = Step(
    "tools-archive", "Pack the device plugin", _build_archive, {"tools": TOOLS}, needs=(golang.clients,)
)
"""A folder with tools.tar, for `kind load image-archive`."""

# Without straight.py: what it makes is what these make.
_UNPACKING = digest([Path(store.__file__), Path(oci.__file__)])

engine_store = Step(
    "engine-store",
    "Unpack the engine's image",
    _build_engine_store,
    {"unpacking": _UNPACKING},
    needs=(golang.containerd, *engine.ENGINE_STEPS),
)

image_store = Step(
    "store",
    "Unpack the control plane's images",
    _build_store,
    {"unpacking": _UNPACKING, "programs": _IN_IMAGES, "links": _LINKS, "entrypoints": _ENTRYPOINTS, "env": _ENV},
    needs=(binaries, engine_store, tools_root),
)
"""A folder with containerd/, which nodes share read-only."""
