"""The outside end of a run: requests to the process beside a student's notebook, and answers that may be anything."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import threading
import time
from typing import TYPE_CHECKING, Any

from dataflow_hub.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dataflow_hub.containers.attached import Attached
    from dataflow_hub.sandbox import Process

_LINE_BYTES = 32 * 1024 * 1024
_CHUNK = 64 * 1024
_TICK_SECONDS = 0.5


class RunnerGoneError(LabError):
    """The process beside the notebook ended, or did not answer in time; `started` tells whether it ever was ready."""

    def __init__(self, what: str, *, started: bool) -> None:
        super().__init__(what)
        self.started = started


class Runner:
    """Asks one sandboxed runner process for one thing at a time.

    Each request carries a fresh token; a line that is not well-formed, or carries another token, is passed over. `watch` is
    called every half second while waiting and may raise to end the run.
    """

    def __init__(self, process: Process | Attached, *, deadline: float, watch: Callable[[], None] = lambda: None) -> None:
        self.process, self.deadline, self.watch = process, deadline, watch
        self.started = False
        self._buffer = bytearray()

    def wait_ready(self) -> None:
        """Return once the process answers; raises RunnerGoneError when it does not."""
        self._await("", self.deadline)
        self.started = True

    def ask(self, request: dict[str, Any], *, timeout_seconds: float) -> dict[str, Any]:
        """Send one request and give its answer; raises RunnerGoneError."""
        token = secrets.token_hex(16)
        self._write(json.dumps({"token": token, **request}).encode() + b"\n")
        return self._await(token, min(self.deadline, time.monotonic() + timeout_seconds))

    def close(self) -> None:
        """Give the pipes back; the process must have ended."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was still to be written has no reader
                    pipe.close()

    def _write(self, line: bytes) -> None:
        # in a thread of its own: a stopped reader must not hold us beyond the deadline
        def send() -> None:
            try:
                assert self.process.stdin
                self.process.stdin.write(line)
                self.process.stdin.flush()
            except (OSError, ValueError):
                pass  # told by the answer that does not come

        threading.Thread(target=send, daemon=True).start()

    def _await(self, token: str, deadline: float) -> dict[str, Any]:
        while True:
            line = self._line(deadline)
            try:
                message = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(message, dict) and message.get("token") == token:
                return message

    def _line(self, deadline: float) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            self._fill(deadline)
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _fill(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise RunnerGoneError("The submission ran longer than it may and was stopped.", started=self.started)
        assert self.process.stdout
        stdout = self.process.stdout.fileno()
        ready, _, _ = select.select([stdout], [], [], min(left, _TICK_SECONDS))
        self.watch()
        if not ready:
            return
        chunk = os.read(stdout, _CHUNK)
        if not chunk:
            raise RunnerGoneError("The submission's processes ended before they answered.", started=self.started)
        self._buffer += chunk
        if len(self._buffer) > _LINE_BYTES:
            raise RunnerGoneError("The submission's output is larger than it may be.", started=self.started)
