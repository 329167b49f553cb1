"""All processes of one lab, wherever they hang in the process tree: each carries a mark in its environment.

A mark is the lab's own random id (students' servers), or `<lab>.<run>` with one more for each start of its supervisor
(services). Nothing here imports more than psutil, for the reaper lives as long as the lab and should cost little.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import psutil

MARK = "DATAFLOW_LAB_ID"
_POLITE_SECONDS = 5.0


def members(mark: str) -> list[psutil.Process]:
    """Give the live processes of `mark`, without this one and its ancestors.

    `<lab>` means every run of it; `<lab>.<run>` leaves the services of other runs alone.
    """
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [process for process in psutil.process_iter() if process.pid not in own and _carries(process, mark)]


def sweep(mark: str, *, polite_seconds: float = _POLITE_SECONDS) -> int:
    """End every process of `mark`: asked first, then killed. Give how many there were."""
    seen: set[int] = set()
    end = time.monotonic() + polite_seconds
    for process in _each_new(mark, seen):
        _signal(process, kill=False)
    while (left := members(mark)) and time.monotonic() < end:
        time.sleep(0.1)
    while left:  # again and again: a dying parent may have forked meanwhile
        for process in left:
            seen.add(process.pid)
            _signal(process, kill=True)
        time.sleep(0.05)
        left = members(mark)
    return len(seen)


def _each_new(mark: str, seen: set[int]) -> Iterator[psutil.Process]:
    for process in members(mark):
        seen.add(process.pid)
        yield process


def _carries(process: psutil.Process, mark: str) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        value = process.environ().get(MARK, "")
    except (psutil.Error, OSError, ValueError):  # gone meanwhile, or another user's
        return False
    return bool(value) and (value == mark or value.startswith(f"{mark}.") or value == mark.partition(".")[0])


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.Error:
        return
