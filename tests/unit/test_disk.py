"""What folders take on the disk, while others change them."""

import os
from pathlib import Path

from vlab.disk import taken


def test_a_hard_linked_file_counts_once_in_all_folders(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    file = tmp_path / "a" / "file"
    file.write_bytes(b"x" * 100_000)
    (tmp_path / "b" / "link").hardlink_to(file)
    size = file.stat().st_blocks * 512
    seen: set[tuple[int, int]] = set()
    assert [taken(tmp_path / name, seen) for name in ("a", "b")] == [size, 0]
    assert taken(tmp_path) == size


def test_what_vanishes_meanwhile_counts_nothing(tmp_path, monkeypatch):
    real = os.lstat

    def late(path):
        Path(path).unlink()
        return real(path)

    (tmp_path / "file").write_text("x")
    monkeypatch.setattr(os, "lstat", late)
    assert taken(tmp_path) == 0
    assert taken(tmp_path / "gone") == 0
