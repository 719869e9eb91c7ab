"""Reads the file that a learner wrote: a text of reasonable size, or a word on why it is none."""

from pathlib import Path

from vlab.errors import LabError
from vlab.evidence.files import ANSWER_BYTES

_HINT = "write the four parts (observed signal, interpretation, change, validation) as Markdown, on about a page"


def read_text(file: Path, hint: str = _HINT) -> str:
    """The text of a file.

    Args:
        hint: what to write instead, where it is none.

    Raises:
        LabError: it is missing, no regular file, larger than an answer may be, or no text.
    """
    try:
        if not file.is_file():
            raise LabError(f"{file} is no file" if file.exists() else f"{file}: there is no such file", hint)
        with file.open("rb") as opened:
            raw = opened.read(ANSWER_BYTES + 1)
    except OSError as e:
        raise LabError(f"{file} cannot be read: {e.strerror}", hint) from None
    if len(raw) > ANSWER_BYTES:
        raise LabError(f"{file} is larger than {ANSWER_BYTES >> 20} MiB", hint)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise LabError(f"{file} is no text in UTF-8: byte {e.start} is none", hint) from None
    if "\0" in text:
        raise LabError(f"{file} is binary, not text", hint)
    return text
