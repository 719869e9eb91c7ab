"""Reads a submission, a folder or the one file that `vlab submit` makes, into its files by name."""

import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import pydantic

from vlab.errors import LabError
from vlab.evidence import files
from vlab.evidence.files import Contents, Layout, Refused
from vlab.evidence.store import in_words
from vlab.submission.model import Header

HEADER = "submission.json"
MANIFESTS, ANSWERS, EVIDENCE = "manifests/", "answers/", "evidence/"

MANIFEST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.(?:yaml|yml|json)")
MANIFEST_BYTES = 256 << 10
"""Of one file, and of all manifests together four times as much."""
MAX_MANIFESTS = 50
MAX_VALUES = 2_000_000
"""Of all of the evidence's JSON together: each becomes an object, which is larger than its text."""

HINT = "a submission is manifests/*.yaml, answers/*.md, evidence/ as `vlab grade` wrote it, and submission.json"


def limit(name: str) -> int | None:
    """How large a file of a submission may be, in bytes; None if no file is called so."""
    if name == HEADER:
        return 1 << 20
    if name.startswith(MANIFESTS):
        return MANIFEST_BYTES if MANIFEST_NAME.fullmatch(name.removeprefix(MANIFESTS)) else None
    if name.startswith(ANSWERS):
        return files.limit(name)
    return files.limit(name.removeprefix(EVIDENCE)) if name.startswith(EVIDENCE) else None


LAYOUT = Layout(
    limit=limit,
    folders=frozenset(
        (*(f.rstrip("/") for f in (MANIFESTS, ANSWERS, EVIDENCE)), *(EVIDENCE + f for f in files.EVIDENCE.folders))
    ),
    what="submission",
    hint="name a folder, or a file that `vlab submit` wrote",
    max_files=2 * files.MAX_FILES,
    max_bytes=files.MAX_PACKED_BYTES,
)


@dataclass(frozen=True)
class Submission:
    """What was handed in; nothing of it has been parsed, and nothing of it is believed."""

    path: Path
    files: Mapping[str, bytes]

    def within(self, folder: str) -> dict[str, bytes]:
        """The files of a folder ('manifests/'), by their names in it."""
        return {name.removeprefix(folder): raw for name, raw in self.files.items() if name.startswith(folder)}

    @property
    def manifests(self) -> dict[str, bytes]:
        """Kubernetes manifests, as they were written."""
        return self.within(MANIFESTS)

    @property
    def answers(self) -> dict[str, bytes]:
        """What the learner wrote."""
        return self.within(ANSWERS)

    @property
    def evidence(self) -> Contents:
        """The evidence of the last grading, as vlab.evidence reads it; it may be empty."""
        return Contents(self.within(EVIDENCE))

    @cached_property
    def header(self) -> Header:
        """What submission.json says.

        Raises:
            LabError: it is not there, or not of a version that this vlab knows.
        """
        raw = self.files.get(HEADER)
        if raw is None:
            raise LabError(f"{self.path} has no {HEADER}", "pack it with `vlab submit`")
        try:
            return Header.model_validate_json(raw)
        except pydantic.ValidationError as e:
            raise LabError(f"{self.path}: {HEADER}: {in_words(e)}", "pack it anew with `vlab submit`") from e


def read_submission(path: Path) -> Submission:
    """What lies in a folder or a zip file that anybody may have made; no link is followed.

    Raises:
        LabError: a file is a link, a device or the like, is called as none of a submission is, is there twice, is too
            large or encrypted, there are too many, or it is neither a folder nor a zip file. The message names the
            file.
    """
    try:
        if stat.S_ISLNK(path.lstat().st_mode):
            raise Refused(str(path), "is a link", "name the folder or the file itself")
    except OSError as e:
        raise LabError(f"{path} cannot be read: {e.strerror}", LAYOUT.hint) from None
    except ValueError:
        raise LabError(f"{files.shown(str(path))} can be no path", LAYOUT.hint) from None
    try:
        found = files.read(path, LAYOUT)
    except Refused as e:
        raise Refused(files.shown(e.file), e.words, HINT) from None
    except OSError as e:
        raise LabError(f"{path} cannot be read: {e.strerror}", LAYOUT.hint) from None
    for name in found.stray:
        if not name.endswith("/") or name.removesuffix("/") not in LAYOUT.folders:  # zip tools write one for a folder
            raise Refused(name, _odd(name), HINT)
    _refuse_many({n: raw for n, raw in found.files.items() if n.startswith(MANIFESTS)})
    _refuse_dense({n: raw for n, raw in found.files.items() if n.endswith((".json", ".jsonl"))})
    return Submission(path, MappingProxyType(dict(sorted(found.files.items()))))


def _refuse_dense(texts: Mapping[str, bytes]) -> None:
    left = MAX_VALUES
    for name, raw in texts.items():
        left -= sum(raw.count(sign) for sign in (b",", b"[", b"{"))
        if left < 0:
            raise Refused(name, f"holds more than {MAX_VALUES} values, all files together", HINT)


def _refuse_many(manifests: Mapping[str, bytes]) -> None:
    if len(manifests) > MAX_MANIFESTS:
        raise Refused(MANIFESTS, f"holds more than {MAX_MANIFESTS} files", HINT)
    if sum(map(len, manifests.values())) > 4 * MANIFEST_BYTES:
        raise Refused(MANIFESTS, f"is larger than {files.size(4 * MANIFEST_BYTES)}, all files together", HINT)


def _odd(name: str) -> str:
    """Why no file of a submission is called so."""
    parts = re.split(r"[/\\]", name)
    if ".." in parts:
        return "leads out of the submission"
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        return "has an absolute name"
    return "is no file of a submission"
