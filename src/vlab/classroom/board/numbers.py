"""Numbers in the place of names: drawn once for a class, so that nobody can tell from a roster whose one is."""

import csv
import io
import random
from collections.abc import Mapping
from pathlib import Path

from vlab import runs
from vlab.classroom.model import Class
from vlab.errors import LabError


def file(of: Class) -> Path:
    """Says whose number is which; for the teacher alone."""
    return of.folder / "board-numbers.csv"


def numbers(of: Class) -> dict[str, int]:
    """By slug the number of each learner: those that are kept, and for newcomers such as nobody ever had.

    Raises:
        LabError: the file with them cannot be read or written.
    """
    known = _read(file(of))
    missing = [each.slug for each in of.learners if each.slug not in known]
    random.SystemRandom().shuffle(missing)
    found = {**known, **dict(zip(missing, range(max(known.values(), default=0) + 1, 1 << 30), strict=False))}
    if missing:
        _write(of, found)
    return found


def _read(there: Path) -> dict[str, int]:
    try:
        lines = csv.DictReader(io.StringIO(there.read_text(encoding="utf-8"), newline=""))
        pairs = [(line["learner"], int(line["number"])) for line in lines]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        pairs = []
    if not pairs or len({number for _, number in pairs}) != len(pairs):
        raise LabError(f"{there} cannot be read, or gives a number twice", "move it away; then new ones are drawn")
    return dict(pairs)


def _write(of: Class, found: Mapping[str, int]) -> None:
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow(("number", "learner"))  # no names: a spreadsheet may take one for a formula
    lines.writerows((number, slug) for slug, number in sorted(found.items(), key=lambda each: each[1]))
    try:
        runs.write_whole(file(of), out.getvalue())
    except OSError as e:
        raise LabError(f"cannot write {e.filename}: {e.strerror}", "see who may write there") from e
