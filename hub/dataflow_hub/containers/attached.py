"""A container whose standard streams we hold: started for one command, and gone when that has ended or is given up."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from typing import IO, Any, cast

from dataflow_hub.errors import SandboxError

_HEADER_BYTES = 8  # of a frame: which stream, three zeros, how long
_STDOUT, _STDERR = 1, 2
_KILLED = -9
_SHORTEST_SECONDS = 1.0
_ATTEMPTS = 3
_PAUSE_SECONDS = 0.5
_GONE, _GOING = 404, 409  # what the engine says of a container that is not there, or no longer wanted


class Attached:
    """A command running in a container of its own. When it has ended, everything it started has, too, and the container is gone.

    `lost` tells afterwards that somebody else took the container away, or the engine is gone: its end says nothing of the command.
    """

    def __init__(self, client: Any, container: str, connection: socket.socket, stderr: IO[bytes] | None) -> None:
        self._client, self._container, self._connection = client, container, connection
        self._code: int | None = None
        self.lost = False
        self._ended, self._finishing = threading.Event(), threading.Lock()
        self.stdin = cast("IO[bytes]", _Input(connection))
        self.stderr: IO[bytes] | None = None
        out, self.stdout = _pipe()
        if stderr is None:
            err, self.stderr = _pipe()
        else:
            err = os.fdopen(os.dup(stderr.fileno()), "wb", buffering=0)
        threading.Thread(target=self._carry, args=({_STDOUT: out, _STDERR: err},), daemon=True).start()

    def wait(self, timeout: float | None = None) -> int:
        """Give the exit code once it has ended; raise `subprocess.TimeoutExpired` if it has not in time."""
        import docker
        import requests

        deadline = time.monotonic() + (timeout or 0.0)
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired(self._container, timeout or 0.0)
        if self._client is not None and self._code is None:
            left = None if timeout is None else max(_SHORTEST_SECONDS, deadline - time.monotonic())
            try:
                self._code = int(self._client.wait(self._container, timeout=left)["StatusCode"])
            except docker.errors.APIError:
                self.lost = True
            except requests.RequestException as error:  # its streams are closed, and it runs on
                raise subprocess.TimeoutExpired(self._container, timeout or 0.0) from error
        self.kill()
        return _KILLED if self._code is None else self._code

    def kill(self) -> None:
        """Kill all that runs in the container and remove it."""
        import docker
        import requests

        with self._finishing:
            if self._client is None:
                return
            try:
                self._client.remove_container(self._container, force=True, v=True)
            except (docker.errors.APIError, requests.RequestException):
                self.lost = True
            self._client.close()
            self._client = None

    def _carry(self, ends: Mapping[int, IO[bytes]]) -> None:
        """Take the engine's frames apart until the container's streams end."""
        with self._connection.makefile("rb") as frames, contextlib.suppress(OSError):
            while len(header := frames.read(_HEADER_BYTES)) == _HEADER_BYTES:
                content = frames.read(int.from_bytes(header[4:], "big"))
                with contextlib.suppress(BrokenPipeError):  # nobody reads this stream any more; the other goes on
                    ends[header[0]].write(content)
        for end in ends.values():
            end.close()
        self._connection.close()
        self._ended.set()


class _Input(io.RawIOBase):
    """The writing half of a connection: closing it is the end of the command's input, and its output still comes."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connection = connection

    def write(self, content: Any) -> int:
        self._connection.sendall(content)
        return len(content)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)
        super().close()


def attach(client: Any, name: str, image: str, command: Sequence[str], stderr: IO[bytes] | None, **options: Any) -> Attached:
    """Make a container called `name`, in the place of one that an earlier run left, and start it with its streams in our hands.

    Parameters
    ----------
    stderr
        Where its errors go; to the process's own `stderr` when None.
    options
        What else the engine is to know of it, as `docker.APIClient.create_container` takes it.

    Raises
    ------
    SandboxError
        The engine refused it: nothing of the command ran.
    """
    import docker

    left = _ATTEMPTS
    while True:
        left -= 1
        try:
            return _attach_once(client, name, image, command, stderr, options)
        except docker.errors.APIError as error:
            # Somebody took it away before it ran (`./lab down` does), or an earlier one of that name is still going.
            if left and error.status_code in {_GONE, _GOING}:
                time.sleep(_PAUSE_SECONDS)
                continue
            client.close()
            raise SandboxError(
                f"The container {name} could not be made.", why=str(error.explanation or error), fix="./lab doctor"
            ) from error


def _attach_once(  # noqa: PLR0913, PLR0917 - as above
    client: Any, name: str, image: str, command: Sequence[str], stderr: IO[bytes] | None, options: Mapping[str, Any]
) -> Attached:
    _remove(client, name)
    made = client.create_container(image, list(command), name=name, stdin_open=True, **options)["Id"]
    with contextlib.ExitStack() as undo:
        undo.callback(_remove, client, made)
        reply = client.attach_socket(made, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
        connection = socket.socket(fileno=os.dup(reply.fileno()))
        undo.callback(connection.close)
        reply.close()
        connection.settimeout(None)
        client.start(made)
        undo.pop_all()
    return Attached(client, made, connection, stderr)


def _remove(client: Any, container: str) -> None:
    import docker

    with contextlib.suppress(docker.errors.NotFound):
        client.remove_container(container, force=True, v=True)


def _pipe() -> tuple[IO[bytes], IO[bytes]]:
    reading, writing = os.pipe()
    return os.fdopen(writing, "wb", buffering=0), os.fdopen(reading, "rb", buffering=0)
