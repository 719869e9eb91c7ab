"""What recorded runs were made from: a digest that changes with whatever could make them come out differently."""

import hashlib
from pathlib import Path

from vlab import paths, proc
from vlab.catalog import Exercise
from vlab.errors import LabError
from vlab.evidence import Evidence, Header
from vlab.phases import always, mendings, recorded_phases
from vlab.selection import Known

_COLLECTORS = (
    *("asking.py", "bring.py", "calling.py", "collect.py", "deployment.py", "exercise.py", "inside.py", "measure.py"),
    *("own_loads.py", "probing.py", "settle.py", "serving.py", "values.py", "pins.toml", "load/*.py"),
    *("load/vocabulary.txt", "witness/*.py", "cluster/objects.py", "evidence/api.py", "evidence/redact.py"),
)
"""Of this package: what reads a live deployment, and what deploys it."""

_WRITTEN = "rubric.yaml"
"""It judges texts; nothing that is recorded comes out differently with it."""


def made_from(scenario: Exercise) -> str:
    """The digest of a scenario, its graders, the templates and profiles, the pins and the collectors."""
    package = Path(__file__).parent
    files = [
        *(f for f in scenario.files if f.name != _WRITTEN),
        *(scenario.script("also", name) for name in scenario.also_right),
        *(scenario.script("wrong", name) for name in scenario.wrong),
        *(f for f in (paths.data("scenarios") / "common").glob("*") if f.is_file()),
        *(f for f in (*scenario.graders, *scenario.templates.values()) if f.is_file()),
        *paths.data("manifests").rglob("*.j2"),
        *(f for part in _COLLECTORS for f in package.glob(part)),
    ]
    digest = hashlib.sha256()
    for file in sorted(set(files)):
        digest.update(f"{file.name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


def known(scenario: Exercise) -> Known:
    """What recorded runs say of a scenario."""
    headers = [header for file in scenario.recorded.values() if (header := _header(file))]
    whole = len(headers) == len(scenario.recorded) and scenario.recorded.keys() >= set(recorded_phases(scenario))
    same = whole and {h.made_from for h in headers} == {made_from(scenario)}
    return Known(
        scenario.id, always(scenario), mendings(scenario), not same, min((h.started for h in headers), default=None)
    )


def _header(file: Path) -> Header | None:
    """None of a run that this vlab cannot read: it must be recorded again."""
    try:
        return Evidence(file).header
    except LabError:
        return None


def commit() -> str:
    """The commit that is checked out.

    Raises:
        LabError: this is no checkout.
    """
    try:
        return proc.output(["git", "-C", paths.data("scenarios"), "rev-parse", "HEAD"]).strip()
    except LabError as e:
        raise LabError("no commit to draw a canary by: this is no checkout", "name one with --canary") from e
