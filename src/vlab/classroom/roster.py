"""Reads a roster as schools export them, and gives each learner a name that is safe wherever vlab uses it."""

import csv
import hashlib
import io
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from vlab.classroom.model import LONGEST_SLUG, Learner
from vlab.errors import LabError

MOST_BYTES = 2 << 20
MOST_LEARNERS = 2000
_MOST_CELL = 500

HEADINGS = {
    "id": ("id", "student id", "sis user id", "id number", "matriculation number", "matrikelnummer", "user id", "uid"),
    "login": ("login", "sis login id", "username", "user name", "login id", "benutzername", "github"),
    "email": ("email", "e-mail", "email address", "e-mail-adresse", "mail"),
    "name": ("name", "student", "full name", "student name", "display name"),
    "first": ("first name", "given name", "firstname", "vorname"),
    "last": ("last name", "surname", "family name", "lastname", "nachname"),
}
"""What a column may be called, in small letters, by what it means; the first meaning that a line has tells it apart."""
_KEYS = ("id", "login", "email", "name")
_DIGEST_CHARS = 8
_LETTERS = str.maketrans({"ß": "ss", "ø": "o", "ł": "l", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "þ": "th"})
"""Those that have no plain letter inside."""
_QUOTES = 'a quote that is opened must be closed; a quote in a name is written twice: "Ana ""Nita"" López"'


def read(file: Path) -> tuple[Learner, ...]:
    """The learners of a CSV file, in its order.

    Raises:
        LabError: it cannot be read, has no column that tells learners apart, or names one twice.
    """
    try:
        with file.open("rb") as source:
            raw = source.read(MOST_BYTES + 1)
    except OSError as e:
        raise LabError(f"cannot read {file}: {e.strerror}", "name the CSV file of your class") from None
    if len(raw) > MOST_BYTES:
        raise LabError(f"{file} is larger than {MOST_BYTES >> 20} MiB", "a roster has one line a learner")
    return learners(_text(raw, file), str(file))


def learners(text: str, called: str = "the roster") -> tuple[Learner, ...]:
    """The learners of a roster's text; as `read`."""
    lines = _lines(text, called)
    if not lines:
        raise LabError(f"{called} is empty", "it needs a line of headings, such as `id,name,email`, and one a learner")
    headings = [h.strip() for h in lines[0][1]]
    meant = _meant(headings)
    if not set(meant) & set(_KEYS) and "last" not in meant:
        raise LabError(
            f"{called} has no column that tells learners apart; it has: {', '.join(headings)[:200]}",
            "its first line names the columns; one is called id, login, email or name",
        )
    found = [(number, _line(dict(zip(headings, cells, strict=False)), meant)) for number, cells in lines[1:]]
    known = [(number, each) for number, each in found if each is not None]
    if not known:
        raise LabError(f"{called} has headings and no learner", "add a line for each")
    if len(known) > MOST_LEARNERS:
        raise LabError(f"{called} has more than {MOST_LEARNERS} learners", "make several classes of it")
    _refuse_twice(known, called)
    return _with_slugs([each for _, each in known])


def _text(raw: bytes, file: Path) -> str:
    """UTF-8 or UTF-16 as their marks say, else Windows' Western code page, as Excel writes it."""
    marked = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    encodings = ["utf-16"] if marked else ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise LabError(f"{file} is not text", "export the roster as CSV, in UTF-8")


def _lines(text: str, called: str) -> list[tuple[int, list[str]]]:
    """The lines with something in them, by the number that an editor shows for their end."""
    head = text[:4096].split("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    found = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if long := next((c for c in cells if len(c) > _MOST_CELL), None):
                    raise LabError(f"{called}, line {reader.line_num}: a cell is {len(long)} characters long", _QUOTES)
                found.append((reader.line_num, cells))
    except csv.Error as e:
        raise LabError(f"{called}, line {reader.line_num}: {e}", _QUOTES) from None
    return found


def _meant(headings: Sequence[str]) -> dict[str, str]:
    """The heading of each meaning that a roster has."""
    small = {h.lower(): h for h in reversed(headings) if h}
    found = {}
    for meaning, names in HEADINGS.items():
        if heading := next((small[n] for n in names if n in small), None):
            found[meaning] = heading
    if found.get("id") == found.get("login"):
        found.pop("login", None)
    return found


def _line(columns: Mapping[str, str], meant: Mapping[str, str]) -> Learner | None:
    """A learner without a slug yet; None of a line that names nobody, such as Canvas' points possible."""
    cell = {meaning: columns.get(heading, "").strip() for meaning, heading in meant.items()}
    name = cell.get("name") or " ".join(filter(None, (cell.get("first"), cell.get("last"))))
    key = next((cell[k] for k in _KEYS if cell.get(k)), name)
    if not key or (name.lower().startswith("points possible") and not cell.get("login")):
        return None
    return Learner(slug="", key=key, name=name or key, columns={h: c for h, c in columns.items() if h})


def _refuse_twice(found: Sequence[tuple[int, Learner]], called: str) -> None:
    lines = defaultdict(list)
    for number, each in found:
        lines[_normal(each.key)].append((number, each.key))
    if twice := next((each for each in lines.values() if len(each) > 1), None):
        where = ", ".join(str(number) for number, _ in twice)
        raise LabError(
            f"{called} has {twice[0][1]!r} in lines {where}",
            "one line a learner; where names are alike, add a column `id` that tells them apart",
        )


def _with_slugs(found: Sequence[Learner]) -> tuple[Learner, ...]:
    """Each with its slug: of the key alone, so that a roster in another order, or a longer one, gives the same."""
    short = Counter(_slug(each, _DIGEST_CHARS) for each in found)
    chars = _DIGEST_CHARS if max(short.values()) == 1 else 4 * _DIGEST_CHARS  # once in thousands of classes
    return tuple(each.model_copy(update={"slug": _slug(each, chars)}) for each in found)


def _slug(learner: Learner, digest_chars: int) -> str:
    """What is legible of the key, and a digest that makes it unique whatever is legible."""
    normal = _normal(learner.key)
    legible = normal.split("@")[0] if "@" in normal else normal
    plain = unicodedata.normalize("NFKD", legible.translate(_LETTERS)).encode("ascii", "ignore").decode()
    head = re.sub(r"[^a-z0-9]+", "-", plain)[: LONGEST_SLUG - digest_chars - 1].strip("-") or "learner"
    return f"{head}-{hashlib.sha256(normal.encode()).hexdigest()[:digest_chars]}"


def _normal(key: str) -> str:
    """Keys that people take for the same are the same."""
    return " ".join(unicodedata.normalize("NFKC", key).casefold().split())
