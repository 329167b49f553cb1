"""Faults injected from outside the sandbox, at a named point: a table whose commits are refused."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dataflow_hub.grading.artefacts import open_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOG = "_delta_log"


@contextmanager
def commits_refused(root: Path, parts: tuple[str, ...], uid: int | None) -> Iterator[None]:
    """Make the `_delta_log` of the table `root/parts…` refuse writes for the length of the block.

    Data files still land in the table's folder, the commit does not: the state a writer leaves that was killed in between.
    The log is taken from the sandbox's user where there is one (root), and made read-only otherwise.
    """
    log = _open_log(root, parts, uid)
    try:
        os.fchmod(log, 0o555)
        if uid is not None:
            os.fchown(log, 0, 0)
        yield
    finally:
        os.fchmod(log, 0o755)
        if uid is not None:
            os.fchown(log, uid, uid)
        os.close(log)


def _open_log(root: Path, parts: tuple[str, ...], uid: int | None) -> int:
    for depth in range(1, len(parts) + 1):
        _ensure(root, parts[:depth], uid)
    _ensure(root, (*parts, _LOG), uid)
    return open_folder(root, *parts, _LOG)


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
