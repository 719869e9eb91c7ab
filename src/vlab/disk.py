"""What folders take on the disk, while others may be changing them."""

import contextlib
import os
from pathlib import Path


def taken(folder: Path, seen: set[tuple[int, int]] | None = None) -> int:
    """Bytes on the disk of all files under a folder; a hard-linked file counts once, a vanished one not at all.

    Args:
        seen: files that were counted before, by device and inode; those of this folder are added.
    """
    seen = set() if seen is None else seen
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                status = os.lstat(f"{parent}/{name}")
                identity = (status.st_dev, status.st_ino)
                if identity not in seen:
                    seen.add(identity)
                    total += status.st_blocks * 512
    return total
