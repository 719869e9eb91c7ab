"""`vlab up` with everything built, against plain kind: `kind create cluster` of the same size, then `kind load` of
the engine's image onto its workers. Both end with every node ready and the engine's image on every worker.

Plain kind gets what its published node image has inside, the control plane's images already unpacked, so that the
engine alone makes the difference. One run of each, one after the other, on a machine that does nothing else.

Usage: .venv/bin/python benchmarks/up.py [--workers N]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from vlab import paths, ui
from vlab.build import engine, oci, store, targets
from vlab.cluster import kind, lab
from vlab.cluster.containers import Engine
from vlab.cluster.up import branch_store
from vlab.pins import pins

VLAB, PLAIN = "vlab-bench", "plain-bench"
PODMAN = Engine("podman", own_conf=True)


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes."""
    started = time.monotonic()
    work()
    return round(time.monotonic() - started, 1)


def vlab(*arguments: str) -> None:
    """Run the console script."""
    subprocess.run([Path(sys.executable).with_name("vlab"), *arguments], check=True)


def plain_kind(built: targets.Images, *arguments: str | Path) -> None:
    """Run kind itself."""
    subprocess.run([built.kind, *arguments], check=True, env={**os.environ, **PODMAN.env})


def engine_archive(golden: Path, folder: Path) -> Path:
    """The engine's image for `kind load image-archive`, out of the golden store: its layers were unpacked first."""
    image = engine.engine_image(paths.cache())
    unpacked = sorted((golden / store.SNAPSHOTS).iterdir(), key=lambda p: int(p.name))
    layers = tuple(oci.Layer(snapshot / "fs", owner=None) for snapshot in unpacked[: len(image.layers)])
    archive = folder / "engine.tar"
    with archive.open("wb") as out:
        oci.write_layout([oci.Image(image.reference, layers, image.config)], out)
    return archive


def measure_plain(built: targets.Images, workers: int, archive: Path) -> dict[str, float]:
    """Create a cluster with kind alone, then load the engine onto its workers."""
    assert built.store is not None  # noqa: S101
    made = lab.new(PLAIN, "kind-built", PODMAN, "cpu", workers, f"kind-{PLAIN}")
    made.save()
    made.marker.write_text(made.instance)
    branch_store(made, built.store)
    file = made.folder / "kind.yaml"
    file.write_text(json.dumps(kind.config(made, built.store)))
    where = ["--name", PLAIN, "--kubeconfig", made.kubeconfig]
    create = timed(
        lambda: plain_kind(built, "create", "cluster", *where, "--image", built.node, "--config", file, "--wait", "3m")
    )
    names = [c.name for c in PODMAN.nodes(PLAIN) if "worker" in c.name]
    for name in names:  # not timed: plain kind never had it
        PODMAN.output("exec", name, "ctr", "-n", "k8s.io", "images", "rm", "--sync", pins().engine.image)
    load = timed(
        lambda: plain_kind(built, "load", "image-archive", archive, "--name", PLAIN, "--nodes", ",".join(names))
    )
    vlab("down", "--name", PLAIN)
    return {"kind create cluster": create, "kind load image-archive": load}


def main() -> None:
    """Measure both, print the seconds and their ratio as JSON."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--workers", type=int, default=4)
    workers = options.parse_args().workers
    with ui.Steps() as steps, targets.ready("kind-built", PODMAN, steps) as built:
        pass
    assert built.store is not None  # noqa: S101
    with tempfile.TemporaryDirectory(dir=paths.cache()) as folder:
        archive = engine_archive(built.store, Path(folder))
        plain = measure_plain(built, workers, archive)
    ours = timed(lambda: vlab("up", "--name", VLAB, "--provider", "kind-built", "--workers", str(workers)))
    vlab("down", "--name", VLAB)
    ratio = round(ours / sum(plain.values()), 3)
    print(json.dumps({"workers": workers, "vlab up": ours, **plain, "ratio": ratio}, indent=2))


if __name__ == "__main__":
    main()
