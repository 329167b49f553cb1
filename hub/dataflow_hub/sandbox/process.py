"""Running a command in a box: to its end with a time limit, or kept as a process."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from dataflow_hub.errors import SandboxError
from dataflow_hub.sandbox import bubblewrap, cgroups, seccomp
from dataflow_hub.sandbox.ownership import hand_over

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataflow_hub.containers.attached import Attached
    from dataflow_hub.sandbox.box import Box

_LAUNCHER = Path(__file__).with_name("launch.py")
_NOT_STARTED = -signal.SIGUSR1
_CHUNK = 65536
_KILL_SECONDS = 5.0


@dataclass(frozen=True)
class Finished:
    """How a command in a box ended; output beyond the limit was thrown away."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    timed_out: bool
    truncated: bool = False


class Process:
    """A command running in a box. When it has ended, everything it started has, too."""

    lost = False  # nobody else ends it: see `containers.attached`

    def __init__(self, popen: subprocess.Popen[bytes], lifeline: int | None) -> None:
        self._popen = popen
        self._lifeline = lifeline
        self.pid = popen.pid
        self.stdin: IO[bytes] | None = popen.stdin
        self.stdout: IO[bytes] | None = popen.stdout
        self.stderr: IO[bytes] | None = popen.stderr

    def poll(self) -> int | None:
        """Give the exit code, or None while it runs."""
        return self._popen.poll()

    def terminate(self) -> None:
        """Ask the command to end; what has not within the grace period is killed."""
        with contextlib.suppress(ProcessLookupError):
            self._popen.terminate()

    def kill(self) -> None:
        """Kill the whole tree and wait until it is gone."""
        self._close_lifeline()
        try:
            self._popen.wait(_KILL_SECONDS)
        except subprocess.TimeoutExpired:
            self._popen.kill()  # the kernel then ends bubblewrap, and with it the pid namespace
            self._popen.wait()

    def wait(self, timeout: float | None = None) -> int:
        """Give the exit code once it has ended; raise `subprocess.TimeoutExpired` if it has not in time."""
        code = self._popen.wait(timeout)
        self._close_lifeline()
        return code

    def _close_lifeline(self) -> None:
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None
        elif self._popen.poll() is None:
            self._popen.kill()


def command(box: Box, argv: Sequence[str], *, grace_seconds: float = 10.0) -> list[str]:
    """Give the host command that runs `argv` in `box`, once: its order lies in a 0600 file that it removes, so no secret is in it.

    Raises
    ------
    SandboxError
        The box cannot be made.
    """
    order = _order(box, argv, grace_seconds=grace_seconds)
    descriptor, path = tempfile.mkstemp(prefix="dataflow-box-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(order, file)
    return [*_launcher(), path]


def start(  # noqa: PLR0913 - subprocess.Popen's own, and three
    box: Box,
    argv: Sequence[str],
    *,
    stdin: Any = subprocess.PIPE,
    stdout: Any = subprocess.PIPE,
    stderr: Any = subprocess.PIPE,
    outlives_caller: bool = False,
    grace_seconds: float = 0.0,
    lab_id: str = "",
) -> Process:
    """Start `argv` in `box`. It is killed when this process ends, unless `outlives_caller`.

    Raises
    ------
    SandboxError
        The box cannot be made.
    """
    held, lifeline = (None, None) if outlives_caller else reversed(os.pipe())
    try:
        order = _order(box, argv, grace_seconds=grace_seconds, lifeline=lifeline)
        with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
            json.dump(order, file)
            file.seek(0)
            popen = subprocess.Popen(
                [*_launcher(), f"fd:{file.fileno()}"],
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                pass_fds=[file.fileno(), *([lifeline] if lifeline is not None else [])],
                env={"DATAFLOW_LAB_ID": lab_id} if lab_id else {},
                start_new_session=True,
                cwd="/",
            )
    except BaseException:
        if held is not None:
            os.close(held)
        raise
    finally:
        if lifeline is not None:
            os.close(lifeline)
    return Process(popen, held)


def run(box: Box, argv: Sequence[str], *, timeout_seconds: float, stdin: bytes = b"", output_limit_bytes: int = 1 << 20) -> Finished:
    """Run `argv` in `box` to its end, or kill the whole tree at the time limit.

    Raises
    ------
    SandboxError
        The box could not be made: nothing of the command ran.
    """
    return finish(start(box, argv), box.name, timeout_seconds=timeout_seconds, stdin=stdin, output_limit_bytes=output_limit_bytes)


def finish(
    process: Process | Attached, name: str, *, timeout_seconds: float, stdin: bytes = b"", output_limit_bytes: int = 1 << 20
) -> Finished:
    """Bring a process in the box called `name` to its end, or kill the whole tree at the time limit; as `run`."""
    outputs = [_Reader(process.stdout, output_limit_bytes), _Reader(process.stderr, output_limit_bytes)]
    feeder = threading.Thread(target=_feed, args=(process.stdin, stdin), daemon=True)
    feeder.start()
    deadline = time.monotonic() + timeout_seconds
    timed_out = False
    try:
        code = process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        timed_out = True
        process.kill()
        code = process.wait()
    finally:
        process.kill()
    for output in outputs:
        output.join(_KILL_SECONDS)
    if code == _NOT_STARTED and not timed_out:
        raise not_started(name, outputs[1].content)
    return Finished(code, outputs[0].content, outputs[1].content, timed_out, any(output.truncated for output in outputs))


def not_started(name: str, stderr: bytes) -> SandboxError:
    """Give the error for a box that bubblewrap could not make."""
    why = stderr.decode(errors="replace").strip().splitlines()
    return SandboxError(
        f"The sandbox {name} could not be made.",
        why=why[-1] if why else "bubblewrap gave no reason.",
        fix="Run ./lab doctor. Where unprivileged user namespaces are closed, install the system's bubblewrap or start the lab as root.",
    )


class _Reader(threading.Thread):
    """Drains one pipe to its end, so that nobody blocks on it, and keeps the first bytes."""

    def __init__(self, pipe: IO[bytes] | None, limit: int) -> None:
        super().__init__(daemon=True)
        self._pipe, self._limit = pipe, limit
        self._kept = bytearray()
        self.truncated = False
        self.start()

    @property
    def content(self) -> bytes:
        return bytes(self._kept)

    def run(self) -> None:
        if self._pipe is None:
            return
        while chunk := os.read(self._pipe.fileno(), _CHUNK):
            room = self._limit - len(self._kept)
            self.truncated = self.truncated or len(chunk) > room
            self._kept += chunk[: max(0, room)]
        self._pipe.close()


def _feed(pipe: IO[bytes] | None, content: bytes) -> None:
    if pipe is None:
        return
    with contextlib.suppress(BrokenPipeError):
        pipe.write(content)
        pipe.flush()
    with contextlib.suppress(BrokenPipeError):
        pipe.close()


def _launcher() -> list[str]:
    return [sys.executable, "-I", "-S", str(_LAUNCHER)]


def _order(box: Box, argv: Sequence[str], *, grace_seconds: float, lifeline: int | None = None) -> dict[str, Any]:
    hand_over(box)
    groups = cgroups.make(box.name, box.limits)
    return {
        "bubblewrap": str(bubblewrap.binary()),
        "arguments": bubblewrap.arguments(box),
        "files": bubblewrap.files(box),
        "filter": base64.b64encode(seccomp.program()).decode(),
        "argv": bubblewrap.inner_command(box, list(argv), grouped=bool(groups)),
        "groups": [str(group) for group in groups],
        "lifeline": lifeline,
        "grace_seconds": grace_seconds,
    }
