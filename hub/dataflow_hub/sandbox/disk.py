"""How much a student's folder takes on disk."""

from __future__ import annotations

import os
from pathlib import Path

_BLOCK_BYTES = 512  # of st_blocks, on every file system


def folder_bytes(root: Path, *, stop_at: int | None = None, most_files: int | None = None) -> int:
    """Give the bytes below `root`, without following links; 0 where it is not. Counting ends once past one of the limits."""
    total = seen = 0
    for folder, _, files in os.walk(root):
        for name in files:
            try:
                total += Path(folder, name).lstat().st_blocks * _BLOCK_BYTES
            except OSError:  # it goes on being used
                continue
        seen += len(files)
        if (stop_at is not None and total > stop_at) or (most_files is not None and seen > most_files):
            break
    return total
