"""Faults injected from outside the sandbox, at a named point: a folder that takes no new file."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dataflow_hub.grading.artefacts import open_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def writes_refused(root: Path, parts: tuple[str, ...], uid: int | None) -> Iterator[None]:
    """Make the folder `root/parts…` refuse new files for the length of the block; it is made where it is missing.

    With a table's `_delta_log`, data files still land and the commit does not: the state a writer leaves that was killed in between.
    The folder is taken from the sandbox's user where there is one (root), and made read-only otherwise.
    """
    folder = _open(root, parts, uid)
    try:
        os.fchmod(folder, 0o555)
        if uid is not None:
            os.fchown(folder, 0, 0)
        yield
    finally:
        os.fchmod(folder, 0o755)
        if uid is not None:
            os.fchown(folder, uid, uid)
        os.close(folder)


def _open(root: Path, parts: tuple[str, ...], uid: int | None) -> int:
    for depth in range(1, len(parts) + 1):
        _ensure(root, parts[:depth], uid)
    return open_folder(root, *parts)


def _ensure(root: Path, parts: tuple[str, ...], uid: int | None) -> None:
    parent = open_folder(root, *parts[:-1])
    try:
        os.mkdir(parts[-1], 0o755, dir_fd=parent)
        if uid is not None:
            os.chown(parts[-1], uid, uid, dir_fd=parent, follow_symlinks=False)
    except FileExistsError:
        pass
    finally:
        os.close(parent)
