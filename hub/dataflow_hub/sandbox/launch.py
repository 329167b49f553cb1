"""The one process outside a sandbox that keeps it: starts bubblewrap, and sees that everything within is dead before it ends.

Run as a script by an isolated interpreter, so it uses the standard library only. It outlives the process that asked for the
sandbox unless given a lifeline; if it is killed itself, the kernel ends bubblewrap (die-with-parent) and with it the whole tree.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

_SUBREAPER = 36
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
NOT_STARTED = signal.SIGUSR1  # how this process ends when bubblewrap could not make the sandbox: no exit status of a command looks like it


def main() -> None:
    """Read the order, run it, end with the command's exit status."""
    order = _read_order(sys.argv[1])
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    wake, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    for number in _SIGNALS:
        signal.signal(number, _ignore)
    status_read, status_write = os.pipe()
    child = _start(order, status_write)
    os.close(status_write)
    status, killed = _keep(child, wake, order)
    _wait_for_all()
    _remove_groups(order["groups"])
    if not killed and b"exit-code" not in _read_all(status_read):
        _end_by(NOT_STARTED)
    sys.exit(status)


def _ignore(*_: object) -> None:
    """Only the wake-up descriptor matters."""


def _read_order(where: str) -> dict[str, Any]:
    if where.startswith("fd:"):
        with os.fdopen(int(where[3:]), encoding="utf-8") as file:
            return dict(json.load(file))
    path = Path(where)
    text = path.read_text(encoding="utf-8")
    path.unlink()
    return dict(json.loads(text))


def _start(order: dict[str, Any], status: int) -> int:
    arguments = list(order["arguments"])
    inherited = [status]
    for target, text in order["files"].items():
        inherited.append(_memory_file(text.encode()))
        arguments = ["--perms", "0644", "--ro-bind-data", str(inherited[-1]), target, *arguments]
    if order["filter"]:
        inherited.append(_memory_file(base64.b64decode(order["filter"])))
        arguments += ["--seccomp", str(inherited[-1])]
    arguments += ["--json-status-fd", str(status)]
    inherited.append(_memory_file(b"\0".join(part.encode() for part in arguments)))
    child = os.fork()
    if child:
        for descriptor in inherited[1:]:
            os.close(descriptor)
        return child
    try:
        _become(order, inherited)
    finally:
        os._exit(127)


def _become(order: dict[str, Any], inherited: list[int]) -> None:
    signal.set_wakeup_fd(-1)
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    for group in order["groups"]:
        Path(group, "cgroup.procs").write_text(str(os.getpid()), encoding="utf-8")
    if order["lifeline"] is not None:
        os.set_inheritable(order["lifeline"], False)
    for descriptor in inherited:
        os.set_inheritable(descriptor, True)
    argv = [order["bubblewrap"], "--args", str(inherited[-1]), "--", *order["argv"]]
    os.execve(argv[0], argv, {name: os.environ[name] for name in ("DATAFLOW_LAB_ID",) if name in os.environ})  # noqa: S606 - a shell would only be in the way


def _memory_file(content: bytes) -> int:
    descriptor = os.memfd_create("sandbox")
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _keep(child: int, wake: int, order: dict[str, Any]) -> tuple[int, bool]:
    lifeline = order["lifeline"]
    watched = [wake] if lifeline is None else [wake, lifeline]
    deadline: float | None = None
    killed = False
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return _exit_status(status), killed
        wait = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready = select.select(watched, [], [], wait)[0]
        asked = any(number != signal.SIGCHLD for number in (os.read(wake, 64) if wake in ready else b""))
        is_late = deadline is not None and time.monotonic() >= deadline
        if lifeline in ready or is_late or (asked and not _ask_to_end(child, order["grace_seconds"])):
            killed = True
            watched, deadline = [wake], None
            os.kill(child, signal.SIGKILL)
        elif asked:
            killed = True
            deadline = deadline or time.monotonic() + order["grace_seconds"]


def _ask_to_end(child: int, grace_seconds: float) -> bool:
    """Ask the command itself, the child of the sandbox's first process, to end; tell whether it was there to be asked."""
    if grace_seconds <= 0:
        return False
    asked = False
    for first in _children(child):
        for command in _children(first):
            with contextlib.suppress(ProcessLookupError):
                os.kill(command, signal.SIGTERM)
                asked = True
    return asked


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []


def _wait_for_all() -> None:
    """Reap what bubblewrap left: as its subreaper this process is told when the last of the tree is gone."""
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _remove_groups(groups: list[str]) -> None:
    for group in groups:
        for _ in range(20):
            try:
                Path(group).rmdir()
            except OSError:
                time.sleep(0.02)
            else:
                break


def _exit_status(status: int) -> int:
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _read_all(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def _end_by(number: int) -> None:
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


if __name__ == "__main__":
    main()
