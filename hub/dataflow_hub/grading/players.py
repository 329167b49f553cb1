"""Warm processes that play trials: each has one Spark, and one broker, that lessons share for as long as the block lasts."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from dataflow_hub.errors import GradingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

_LAST_WORDS_BYTES = 1_500
_STOP_SECONDS = 20


class Player:
    """One process, started when it is first asked, and anew after it died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the player

    def play(self, request: dict[str, Any], timeout_seconds: float) -> None:
        """Let it play one request and wait for the end.

        Raises
        ------
        GradingError
            It died, or took too long.
        """
        process = self._started()
        assert process.stdin
        assert process.stdout
        late = threading.Event()

        def give_up() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(timeout_seconds, give_up)
        timer.start()
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = b""
        finally:
            timer.cancel()
        if answer:
            return
        process.wait()
        self._process = None
        if late.is_set():
            raise GradingError("Trying the lesson took too long.", why=f"It ran longer than {timeout_seconds:.0f} s.")
        why = self._last_words() or f"exit code {process.returncode}"
        raise GradingError("The process that tries the lesson ended early.", why=why)

    def stop(self) -> None:
        """End the process, softly by closing its input."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()
        self._said.close()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            argv = [*without_override(), sys.executable, "-m", "dataflow_hub.grading.trial_process"]
            self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, start_new_session=True)
        return self._process

    def _last_words(self) -> str:
        size = self._said.seek(0, os.SEEK_END)
        self._said.seek(max(0, size - _LAST_WORDS_BYTES))
        return self._said.read().decode(errors="replace").strip()


class Players:
    """So many processes, each of which plays one trial at a time."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._all = [Player() for _ in range(count)]
        self._free: queue.SimpleQueue[Player] = queue.SimpleQueue()
        for player in self._all:
            self._free.put(player)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for player in self._all:
            player.stop()

    @contextmanager
    def one(self) -> Iterator[Player]:
        """Give one that is free, waiting for it."""
        player = self._free.get()
        try:
            yield player
        finally:
            self._free.put(player)


def without_override() -> Sequence[str]:
    """As root, give up the right to write into folders that are read-only: a refused commit must be refused."""
    if os.geteuid() != 0:
        return ()
    return (str(shutil.which("setpriv")), "--bounding-set", "-dac_override", "--inh-caps", "-dac_override", "--")
