"""Connections carried between loopback ports and socket files: how a container without any network reaches the lab.

Run as a program inside the container, it offers each service at the loopback port that it has everywhere, lets the student's
server be reached through a socket of its own, and runs that server.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from dataflow_kernels.restrict import restrict

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Stream]]

_CHUNK = 1 << 16
_LOOPBACK = "127.0.0.1"


def carry(connect: Connect) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """Give a handler of connections that opens one with `connect` for each, and carries bytes both ways until both sides ended."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await connect()
        except OSError:  # nobody answers there: the caller sees its connection close, as it would without us
            writer.close()
            return
        try:
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            for each in (writer, far_writer):
                each.close()

    return handle


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.write_eof()


async def offer_services(folder: Path) -> list[asyncio.Server]:
    """Listen on loopback at each port that `folder` has a socket for, named `<port>.sock`."""
    return [await asyncio.start_server(carry(_to_socket(path)), _LOOPBACK, int(path.stem)) for path in _sockets(folder)]


def _to_socket(path: Path) -> Connect:
    return lambda: asyncio.open_unix_connection(path)


async def open_door(door: Path, port: int) -> asyncio.Server:
    """Listen on the socket `door`, for the server on loopback at `port`. Whoever reaches the file may connect: its folder is guarded."""
    return await asyncio.start_unix_server(carry(lambda: asyncio.open_connection(_LOOPBACK, port)), sock=unix_socket(door, mode=0o666))


def unix_socket(path: Path, *, mode: int) -> socket.socket:
    """Give a socket bound to `path`, in the place of what an earlier run left there; whoever `mode` lets may connect."""
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    path.chmod(mode)
    return made


def _sockets(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.sock"))


async def run(services: Path, door: Path, port: int, command: Sequence[str]) -> int:
    """Offer the services, open the door, run `command` to its end; give its exit code."""
    await offer_services(services)
    await open_door(door, port)
    process = await asyncio.create_subprocess_exec(*command)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, process.send_signal, number)
    return await process.wait()


def main() -> None:
    """Parse the command line: `[--filter FILE] --services FOLDER --door FILE --port PORT COMMAND…`."""
    parser = argparse.ArgumentParser(prog="dataflow_kernels.relay")
    parser.add_argument("--filter", type=Path)
    parser.add_argument("--services", type=Path, required=True)
    parser.add_argument("--door", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    if given.filter:
        restrict(given.filter.read_bytes())
    sys.exit(asyncio.run(run(given.services, given.door, given.port, given.command)))


if __name__ == "__main__":
    main()
