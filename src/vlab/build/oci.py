"""Writes OCI image layouts as one tar stream, straight from folders, for `ctr image import -` and the like.

A layout names each layer by its digest before its bytes, so every layer is read twice: once to learn digest
and size, once to stream it. Nothing is written to the disk in between.

Files keep their modification times: compiled Python is valid only beside a source of the recorded time, and
a fixed time would throw Debian's own .pyc files away at every start of a container. The same folder always
gives the same bytes.
"""

import hashlib
import io
import json
import os
import platform
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from vlab.errors import Exit, LabError

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_BUFFER = 1 << 20
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Layer:
    """The contents of folder `root`, to be found under `prefix` (relative, "" is /) in the image.

    `owner` is the (uid, gid) of everything in it; None keeps what the files have. Extended attributes,
    sockets, pipes and device nodes are left out: the runtime makes /dev.
    """

    root: Path
    prefix: str = ""
    owner: tuple[int, int] | None = (0, 0)


@dataclass(frozen=True)
class Image:
    """One image. `config` has the OCI names: Env, Entrypoint, Cmd, User, WorkingDir, ExposedPorts, Labels."""

    reference: str
    layers: tuple[Layer, ...]
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Blob:
    """What a descriptor says of some bytes: "sha256:..." and their number."""

    digest: str
    size: int

    @classmethod
    def of(cls, content: bytes) -> "Blob":
        """The descriptor of `content`."""
        return cls(f"sha256:{hashlib.sha256(content).hexdigest()}", len(content))

    @property
    def path(self) -> str:
        """Where it lies in the layout."""
        return f"blobs/{self.digest.replace(':', '/')}"

    def descriptor(self, media_type: str, **more: object) -> dict[str, object]:
        """The OCI descriptor."""
        return {"mediaType": media_type, "digest": self.digest, "size": self.size, **more}


def write_layout(
    images: Sequence[Image], out: BinaryIO, note: Callable[[str], None] = lambda _: None
) -> dict[str, str]:
    """Write one layout that holds all `images` to `out`; layers they share go in once.

    `out` need not seek, but its write() must take all it is given, as a buffered pipe's does. `note` is
    told what is being done. Returns the manifest digest of each reference.

    Raises:
        LabError: a folder changed while it was read.
    """
    note("reading the layers")
    layers = _measure(layer for image in images for layer in image.layers)
    documents: dict[str, bytes] = {}
    index = [_add_image(image, layers, documents) for image in images]
    with tarfile.open(fileobj=out, mode="w|", bufsize=_BUFFER) as tar:
        _add_bytes(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        _add_bytes(tar, "index.json", _json({"schemaVersion": 2, "manifests": index}))
        for path, content in documents.items():
            _add_bytes(tar, path, content)
        for blob, layer in {blob: layer for layer, blob in layers.items()}.items():
            note(f"writing {layer.prefix or '/'}")
            _add_layer(tar, layer, blob)
    return {image.reference: str(entry["digest"]) for image, entry in zip(images, index, strict=True)}


def write_layer(layer: Layer, out: BinaryIO) -> None:
    """Write the layer's tar: entries sorted by name, hard links kept, users by number only.

    Raises:
        LabError: a file became shorter while it was read.
    """
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT, bufsize=_BUFFER) as tar:
        tar.copybufsize = _BUFFER  # type: ignore[attr-defined] # 16 KiB by default: slow for gigabytes
        for path in _walk(layer.root):
            try:
                _add_path(tar, layer, path)
            except OSError as e:
                raise LabError(
                    f"{path} changed while it was read: {e.strerror or e}",
                    "run the command again with nothing else at work in the cache folder",
                    Exit.BUILD,
                ) from e


def _measure(layers: Iterable[Layer]) -> dict[Layer, Blob]:
    distinct = list(dict.fromkeys(layers))
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return dict(zip(distinct, pool.map(_digest, distinct), strict=True))


def _digest(layer: Layer) -> Blob:
    meter = _Meter()
    write_layer(layer, cast(BinaryIO, meter))
    return Blob(f"sha256:{meter.hash.hexdigest()}", meter.size)


class _Meter(io.RawIOBase):
    """A sink that knows the size and, with nowhere to pass the bytes on to, the hash of what was written."""

    def __init__(self, out: BinaryIO | None = None) -> None:
        self.size = 0
        self.hash = hashlib.sha256()
        self._out = out

    def write(self, data: Any) -> int:
        self.size += len(data)
        if self._out is None:
            self.hash.update(data)
        else:
            self._out.write(data)
        return len(data)


def _add_image(image: Image, layers: Mapping[Layer, Blob], documents: dict[str, bytes]) -> dict[str, object]:
    blobs = [layers[layer] for layer in image.layers]
    target = {"architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()), "os": "linux"}
    config = _json(
        {
            **target,
            "config": dict(image.config),
            "rootfs": {"type": "layers", "diff_ids": [b.digest for b in blobs]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": Blob.of(config).descriptor(_CONFIG),
            "layers": [b.descriptor(_LAYER) for b in blobs],
        }
    )
    documents.update({Blob.of(content).path: content for content in (config, manifest)})
    names = {
        "io.containerd.image.name": image.reference,
        "org.opencontainers.image.ref.name": image.reference,
    }
    return Blob.of(manifest).descriptor(_MANIFEST, platform=target, annotations=names)


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _add_layer(tar: tarfile.TarFile, layer: Layer, blob: Blob) -> None:
    """Put a layer's tar into the outer tar as a member: header, then the bytes as they are made, padding."""
    info = tarfile.TarInfo(blob.path)
    info.size = blob.size
    tar.addfile(info)
    meter = _Meter(cast(BinaryIO, tar.fileobj))
    write_layer(layer, cast(BinaryIO, meter))
    if meter.size != blob.size:
        raise LabError(
            f"{layer.root} changed while it was read ({blob.size} bytes, then {meter.size})",
            "run the command again with nothing else at work in the cache folder",
            Exit.BUILD,
        )
    padding = -blob.size % tarfile.BLOCKSIZE
    meter.write(bytes(padding))
    tar.offset += blob.size + padding


def _walk(root: Path) -> Iterator[Path]:
    """`root` and everything below it, parents first, names sorted."""
    yield root
    for folder, subfolders, files in os.walk(root, onerror=_raise):
        subfolders.sort()
        yield from (Path(folder, name) for name in sorted([*subfolders, *files]))


def _raise(error: OSError) -> None:
    raise error


def _add_path(tar: tarfile.TarFile, layer: Layer, path: Path) -> None:
    name = str(PurePosixPath(layer.prefix, path.relative_to(layer.root)))
    info = tar.gettarinfo(path, name)
    if info is None or info.isdev():
        return
    info.uname = info.gname = ""
    info.mtime = int(info.mtime)
    if layer.owner is not None:
        info.uid, info.gid = layer.owner
    if info.isreg():
        with path.open("rb") as content:
            tar.addfile(info, content)
    else:
        tar.addfile(info)


def _json(document: object) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
