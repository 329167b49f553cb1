"""Whom a student's code runs as, and who owns what it writes into."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dataflow_hub.errors import SandboxError

if TYPE_CHECKING:
    from dataflow_hub.sandbox.box import Box


def is_root() -> bool:
    """Tell whether the lab runs as root, so that each student can have a uid of their own."""
    return os.geteuid() == 0


def own_uid(box: Box) -> int:
    """Give the unprivileged user of a box that root starts.

    Raises
    ------
    SandboxError
        It has none.
    """
    if not box.uid or box.uid < 1000:  # noqa: PLR2004 - below are the system's own accounts
        raise SandboxError(
            f"The sandbox {box.name} has no unprivileged uid.", why="Student code never runs as root.", fix="Give the box a uid."
        )
    return box.uid


def hand_over(box: Box) -> None:
    """As root: make the writable folders the box's own, without following a link that lies in them."""
    if not is_root():
        return
    for source, _ in box.writable:
        if source.exists():
            give_away(source, own_uid(box))


def give_away(folder: Path, uid: int) -> None:
    """As root: make a folder, and all in it, a student's own, without following a link that lies in it; at once when it is."""
    if folder.stat().st_uid == uid:
        return
    for _, folders, names, descriptor in os.fwalk(folder, follow_symlinks=False):
        for name in (*folders, *names):
            os.chown(name, uid, uid, dir_fd=descriptor, follow_symlinks=False)
    os.chown(folder, uid, uid, follow_symlinks=False)
