"""What a proposed volume for shared memory comes to: it may be too small, on a disk, or where nobody looks for it."""

import re

from vlab.rubric.units import mebibytes
from vlab.rubric.vocabulary import cue

ENOUGH_MIB = 256.0
"""A ring of 160 MiB and what else there is do not go into 200 MiB; into 256 MiB they do."""
_RUNTIME_MIB = 64.0
_PATH = "/dev/shm"  # noqa: S108
_MOUNTED = re.compile(r"mountpath['\"]?\s*[:=]\s*['\"]?(/[\w/.-]*)")
_SOMEWHERE = re.compile(r"\b(?:at|under|on|to|unter|auf|en)\s+['\"]?/(?!dev/shm)[a-z]\S*")
_SIZE = re.compile(r"(?<![\w.])(\d+(?:[.,]\d+)?)\s?(ki|mi|gi|kb|mb|gb|kib|mib|gib|m|g)b?(?![a-z])")


def settled(change: str, text: str, things: set[str]) -> str:
    """The change that a proposal of shared memory is.

    Args:
        change: what the words alone call it.
        text: the folded sentences of the proposal.
        things: everything that the proposal speaks of.
    """
    if change == "larger-shm" and "memory-limit" in things and "shm-volume" not in things:
        return "memory-limit"  # "it grows along with it"
    mounted = _MOUNTED.search(text)
    if (mounted and mounted[1].rstrip("/") != _PATH) or (_PATH not in text and _SOMEWHERE.search(text)):
        return "shm-elsewhere"
    if cue("on-disk").search(text) and not re.search(r"medium['\"]?\s*[:=]\s*['\"]?memory", text):
        return "shm-on-disk"
    named = sizes(text)
    new = [size for size in named if size != _RUNTIME_MIB] or named
    return "shm-too-small" if new and max(new) < ENOUGH_MIB else change


def sizes(text: str) -> list[float]:
    """Every size that is named, in MiB."""
    return [mebibytes(f"{m[1].replace(',', '.')}{m[2]}") for m in _SIZE.finditer(text)]
