"""What a grader's pod is given: this vlab with what the engine's image lacks of it, and a round's runs, as archives."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pydantic
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import vlab
from vlab import paths
from vlab.cluster.lab import Lab
from vlab.cluster.official import MODELS
from vlab.errors import LabError
from vlab.packing import zipped
from vlab.runs import Run

PIECE_BYTES = 900_000
"""A ConfigMap holds a mebibyte."""
ROUND = "round.json"

_NEEDED = ("detect-secrets", "kubernetes", "platformdirs", "pytest", "tenacity")
"""What grading imports besides what vLLM brings along: all of it is Python alone."""
_DATA = ("graders", "labs", "manifests", "scenarios")
_RECORDED = "evidence"
"""The folder of an exercise with its recorded runs: large, and nobody is graded by it."""


class Round(pydantic.BaseModel, frozen=True):
    """What the pods of one Job do."""

    id: str
    lab: str
    exercise: str
    learners: tuple[str, ...]
    """Slugs, by the index of the pod that grades them."""
    patience: float


def code() -> bytes:
    """This vlab with its data and its requirements; equal files make equal bytes."""
    return zipped({**_package(), **_data(), **_requirements()})


def of_round(given: Round, lab: Lab, runs: Iterable[Run]) -> bytes:
    """What is remembered of the lab and of the runs, laid out as under the state folder, and what is to be done."""
    files: dict[str, bytes] = {ROUND: given.model_dump_json().encode()}
    kept = [lab.folder / "lab.json", lab.nodes, lab.values, lab.marker]
    for run in runs:
        kept += [run.folder / "run.json", run.start, run.wanted, *run.answers.glob("*")]
    try:
        files |= {str(f.relative_to(paths.state())): f.read_bytes() for f in kept if f.is_file()}
    except OSError as e:
        raise LabError(f"cannot read {e.filename}: {e.strerror}", "see who may read there; grade again") from e
    return zipped(files)


def pieces(archive: bytes) -> list[bytes]:
    """The archive cut to what one ConfigMap holds."""
    return [archive[at : at + PIECE_BYTES] for at in range(0, len(archive), PIECE_BYTES)]


def digest(archive: bytes) -> str:
    """Twelve hexadecimal digits that tell it from another."""
    return hashlib.sha256(archive).hexdigest()[:12]


def _under(root: Path, into: str, skip: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    for file in root.rglob("*"):
        inside = file.relative_to(root)
        if file.is_file() and not {*skip, "__pycache__"} & set(inside.parts):
            yield f"{into}/{inside}", file.read_bytes()


def _package() -> dict[str, bytes]:
    return dict(_under(Path(vlab.__file__).parent, "vlab", skip=("data", "cli", "gomodule")))


def _data() -> dict[str, bytes]:
    """Where `paths.data` looks in an installed vlab."""
    return {n: raw for name in _DATA for n, raw in _under(paths.data(name), f"vlab/data/{name}", skip=(_RECORDED,))}


def _requirements() -> dict[str, bytes]:
    skip = ("..", *(f"{package.replace('.', '/')}/" for package in MODELS))
    return {
        str(file): Path(str(each.locate_file(file))).read_bytes()
        for each in lacking()
        for file in each.files or ()
        if (file.suffix == ".py" or file.name in ("METADATA", "entry_points.txt")) and not str(file).startswith(skip)
    }


def of_the_engine() -> frozenset[str]:
    """The packages that vLLM brings along."""
    lock = (Path(vlab.__file__).parent / "build" / "engine.lock").read_text()
    return frozenset(canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE))


@cache
def lacking() -> tuple[Distribution, ...]:
    """The packages that grading needs and the engine's image has not, with what they need."""
    there = of_the_engine()
    found: dict[str, Distribution] = {}

    def take(name: str) -> None:
        if name in there or name in found:
            return
        found[name] = distribution(name)
        for line in found[name].requires or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                take(canonicalize_name(needed.name))

    for name in _NEEDED:
        take(name)
    return tuple(found.values())
