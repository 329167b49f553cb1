"""How much a student's folder takes on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_BLOCK_BYTES = 512  # of st_blocks, on every file system


@dataclass(frozen=True)
class Size:
    """What a folder takes: bytes on disk, and files."""

    bytes: int = 0
    files: int = 0


def folder_size(root: Path, *, stop_at: int | None = None, most_files: int | None = None) -> Size:
    """Give what is below `root`, without following links; nothing where it is not. Counting ends once past one of the limits."""
    total = seen = 0
    for folder, folders, files in os.walk(root):
        for name in files:
            try:
                total += Path(folder, name).lstat().st_blocks * _BLOCK_BYTES
            except OSError:  # it goes on being used
                continue
        seen += len(files) + len(folders)
        if (stop_at is not None and total > stop_at) or (most_files is not None and seen > most_files):
            break
    return Size(total, seen)
