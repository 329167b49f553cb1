"""The gate between containers that have no network and the services on the host's loopback.

Outward, each service that students may reach has a socket file, which their containers see. Inward, each student's server has
a door: a loopback port here, for the proxy, that leads to a socket in the student's own folder. Nothing else passes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import socket
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dataflow_hub.errors import ServiceError
from dataflow_hub.workspace import write_private
from dataflow_kernels.relay import Stream, carry, unix_socket

SERVICES = ("hub_api", "exchange", "s3", "mlflow", "kafka")  # the ports, by setting, that a student's server may reach
DOOR = "server.sock"
_LOOPBACK = "127.0.0.1"
_USER = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_ANSWER_SECONDS = 10.0


class Gate:
    """The sockets of one lab, below `folder`: `services/<port>.sock`, `doors/<user>/server.sock`, `control.sock`."""

    def __init__(self, folder: Path, ports: Mapping[str, int]) -> None:
        self._folder = folder
        self._ports = {name: ports[name] for name in SERVICES}
        self._doors: dict[str, tuple[int, asyncio.Server]] = {}
        self._servers: list[asyncio.Server] = []

    async def open(self) -> None:
        """Offer the services, and every door that was open when a gate last ran: a hub may have told browsers its port."""
        self._make_folders()
        for port in self._ports.values():
            path = self._folder / "services" / f"{port}.sock"
            self._servers.append(await asyncio.start_unix_server(carry(_to_port(port)), sock=unix_socket(path, mode=0o666)))
        for user, port in self._kept().items():
            with contextlib.suppress(OSError):  # another program took the port meanwhile: the hub finds the server gone
                await self._open_door(user, port)
        control = unix_socket(self._folder / "control.sock", mode=0o600)
        self._servers.append(await asyncio.start_unix_server(self._answer, sock=control))

    def close(self) -> None:
        """Listen no more; which doors there were stays written down."""
        for server in (*self._servers, *(server for _, server in self._doors.values())):
            server.close()

    def _make_folders(self) -> None:
        for folder, mode in ((self._folder, 0o711), (self._folder / "services", 0o755), (self._folder / "doors", 0o711)):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(mode)  # a student's uid reads the list of services, and no other

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one line of JSON: `{"open": user}` or `{"close": user}` with `{"port": …}`, and `{}` with the port 0."""
        request = json.loads(await reader.readline() or b"{}")
        try:
            reply: dict[str, Any] = {"port": await self._ask(request)}
        except (KeyError, ValueError, OSError) as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        writer.write(json.dumps(reply).encode() + b"\n")
        await writer.drain()
        writer.close()

    async def _ask(self, request: dict[str, str]) -> int:
        if not request:  # whoever only wants to know that the gate is there
            return 0
        if "close" in request:
            return self._close_door(request["close"])
        user = request["open"]
        if not _USER.fullmatch(user):
            raise ValueError(f"{user!r} is no account name")
        port = self._doors[user][0] if user in self._doors else await self._open_door(user, 0)
        self._keep()
        return port

    async def _open_door(self, user: str, port: int) -> int:
        server = await asyncio.start_server(carry(_to_door(self._folder / "doors" / user / DOOR)), _LOOPBACK, port)
        port = int(server.sockets[0].getsockname()[1])
        self._doors[user] = port, server
        return port

    def _close_door(self, user: str) -> int:
        port, server = self._doors.pop(user, (0, None))
        if server:
            server.close()
        self._keep()
        return port

    def _kept(self) -> dict[str, int]:
        try:
            return dict(json.loads((self._folder / "doors.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}

    def _keep(self) -> None:
        write_private(self._folder / "doors.json", json.dumps({user: port for user, (port, _) in self._doors.items()}))


def ask(folder: Path, request: Mapping[str, str]) -> int:
    """Ask the running gate to open or close a user's door; give its port.

    Raises
    ------
    ServiceError
        The gate does not answer, or refuses.
    """
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_ANSWER_SECONDS)
            connection.connect(str(folder / "control.sock"))
            connection.sendall(json.dumps(request).encode() + b"\n")
            reply = json.loads(connection.makefile().readline() or "{}")
    except (OSError, ValueError) as error:
        raise ServiceError("The gate of the students' containers does not answer.", why=str(error), fix="./lab restart gate") from error
    if "port" not in reply:
        raise ServiceError("The gate of the students' containers refused.", why=reply.get("error", ""), fix="./lab logs gate")
    return int(reply["port"])


def _to_port(port: int) -> Any:
    return lambda: asyncio.open_connection(_LOOPBACK, port)


def _to_door(path: Path) -> Any:
    async def connect() -> Stream:
        """Connect to the very socket that lies there: the student owns the folder, and a link in it must lead nowhere."""
        descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                raise FileNotFoundError(path)
            return await asyncio.open_unix_connection(f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)

    return connect
