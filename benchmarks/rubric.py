"""How far the verdicts on written recommendations agree with labels: for each criterion and for the whole text, the
share of equal ones and Cohen's kappa; and which differ. A text is filled with the figures of its scenario's recorded
faulty run and judged against that run. `unsure` counts as not passed. Needs no lab.

A folder holds files in the format of tests/rubric_texts. Without one, the texts of the repository are judged: those
given with the conventions of the labels, and its own.

Usage: .venv/bin/python benchmarks/rubric.py [FOLDER ...] [--json]
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from vlab import catalog
from vlab import rubric as engine
from vlab.errors import LabError
from vlab.evidence import Evidence, load

OWN = Path(__file__).parent.parent / "tests" / "rubric_texts"
GIVEN = OWN / "given"
CRITERIA = (
    "signal_exists",
    "number_true",
    "pressure_right",
    "change_acts",
    "change_specific",
    "no_veto",
    "validation_complete",
)
PASSES = "passes"
Label = bool | None


@dataclass(frozen=True)
class Labelled:
    """A text with what a fair reader says of it; null where a criterion does not apply."""

    id: str
    scenario: str
    style: str
    text: str
    labels: dict[str, Label]
    passes: bool
    why: str


@dataclass(frozen=True)
class Compared:
    """One label beside the verdict on it; `span` and `help` are the verdict's."""

    id: str
    criterion: str
    label: Label
    verdict: str | None
    span: str = ""
    help: str = ""

    @property
    def told(self) -> Label:
        """The verdict as a label: what is not passed is false."""
        return None if self.verdict is None else self.verdict == "pass"

    @property
    def agrees(self) -> bool:
        """Whether both say the same."""
        return self.told is self.label


def read(folder: Path) -> tuple[Labelled, ...]:
    """The texts of a folder, by name.

    Raises:
        LabError: there are none, or one is not in the format.
    """
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise LabError(f"{folder} has no labelled texts", "name a folder of files like those in tests/rubric_texts")
    return tuple(_read(file) for file in files)


def _read(file: Path) -> Labelled:
    try:
        found = Labelled(**yaml.safe_load(file.read_text(encoding="utf-8")))
    except (yaml.YAMLError, TypeError, UnicodeDecodeError) as error:
        raise LabError(f"{file}: {error}", "it has the fields of the files in tests/rubric_texts") from None
    if tuple(found.labels) != CRITERIA or found.passes is not (False not in found.labels.values()):
        raise LabError(
            f"{file}: labels do not fit", f"they are {', '.join(CRITERIA)}; `passes` is true if none is false"
        )
    return found


@cache
def faulty(scenario: str) -> Evidence:
    """The recorded run of a scenario's faulty deployment."""
    return load(catalog.scenario(scenario).recorded["faulty"])


@cache
def figures_of(scenario: str) -> dict[str, float]:
    """Its figures, by name."""
    return engine.figures(faulty(scenario))


def filled(labelled: Labelled) -> str:
    """The text with the run's numbers in it."""
    return engine.fill(labelled.text, figures_of(labelled.scenario))


def compare(labelled: Labelled) -> tuple[Compared, ...]:
    """Every label beside its verdict, `passes` last."""
    judged = engine.check(filled(labelled), catalog.scenario(labelled.scenario), faulty(labelled.scenario))
    each = {c.id: c for c in judged.criteria}
    return (
        *(
            Compared(labelled.id, name, label, each[name].verdict, each[name].span, each[name].help)
            for name, label in labelled.labels.items()
        ),
        Compared(labelled.id, PASSES, labelled.passes, "pass" if judged.passes else "fail"),
    )


def kappa(pairs: Sequence[tuple[Label, Label]]) -> float:
    """Cohen's kappa: how far agreement is beyond chance; 1 where both always say the same one thing."""
    agreed = sum(a is b for a, b in pairs) / len(pairs)
    ours, theirs = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    chance = sum(ours[each] * theirs[each] for each in ours) / len(pairs) ** 2
    return 1.0 if chance == 1 else (agreed - chance) / (1 - chance)


def share(compared: Iterable[Compared]) -> float:
    """The share of criteria that agree; `passes` is none of them."""
    criteria = [c for c in compared if c.criterion != PASSES]
    return sum(c.agrees for c in criteria) / len(criteria)


def false_passes(compared: Iterable[Compared]) -> list[str]:
    """The texts that pass and must not."""
    return [c.id for c in compared if c.criterion == PASSES and c.told and not c.label]


def rows(compared: Sequence[Compared]) -> Iterator[dict[str, object]]:
    """A line for each criterion: labels, how many agree, their share, kappa, and which way the others went."""
    for name in (*CRITERIA, PASSES):
        own = [c for c in compared if c.criterion == name]
        differ = [c for c in own if not c.agrees]
        yield {
            "criterion": name,
            "texts": len(own),
            "agree": len(own) - len(differ),
            "share": round(1 - len(differ) / len(own), 3),
            "kappa": round(kappa([(c.label, c.told) for c in own]), 3),
            "too kind": sum(c.told is True for c in differ),
            "too harsh": sum(c.label is True for c in differ),
            "unsure": sum(c.verdict == "unsure" for c in own),
        }


def report(folder: Path) -> dict[str, object]:
    """What was found of a folder's texts."""
    compared = [c for labelled in read(folder) for c in compare(labelled)]
    return {
        "folder": folder.name,
        "share": round(share(compared), 4),
        "false passes": false_passes(compared),
        "criteria": list(rows(compared)),
        "disagreements": [asdict(c) for c in compared if not c.agrees],
    }


def show(found: dict[str, object], console: Console) -> None:
    """A table of the criteria, and below it what differs."""
    passes = len(found["false passes"])  # type: ignore[arg-type]
    table = Table(title=f"{found['folder']}: {found['share']:.1%} of criteria agree, {passes} false passes")
    criteria: list[dict[str, object]] = found["criteria"]  # type: ignore[assignment]
    for name in criteria[0]:
        table.add_column(name, justify="left" if name == "criterion" else "right")
    for row in criteria:
        table.add_row(*map(str, row.values()))
    console.print(table)
    for each in found["disagreements"]:  # type: ignore[attr-defined]
        line = f"{each['id']}: {each['criterion']} is {each['verdict']}, label {each['label']}"
        console.print(line, style="bold", markup=False, highlight=False)
        for part in filter(None, (each["span"], each["help"])):
            console.print(f"    {part}", markup=False, highlight=False)


def main() -> None:
    """Print what agrees and what does not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("folders", nargs="*", type=Path, default=[GIVEN, OWN])
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    try:
        found = [report(folder) for folder in asked.folders]
    except LabError as error:
        sys.exit(f"{error}\nhint: {error.hint}")
    if asked.json:
        print(json.dumps(found, indent=2))
        return
    for each in found:
        show(each, Console())


if __name__ == "__main__":
    main()
