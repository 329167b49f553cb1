"""The door to the Docker engine: a socket that only hub and formgrader open, and that passes on what `containers.policy` lets pass."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from dataclasses import replace
from typing import Any

from tornado import httpserver, netutil, web

from dataflow_hub.containers import built
from dataflow_hub.containers.engine import connect, hub_socket
from dataflow_hub.containers.policy import Kind, Policy, body_to_pass_on, container_of
from dataflow_hub.logs import get_logger
from dataflow_hub.secrets import lab_id
from dataflow_hub.settings import BELOW_STUDENTS, Lab
from dataflow_kernels.relay import carry

_SECONDS = 120
_LARGEST_BYTES = 1 << 20
_HOP = frozenset({"connection", "transfer-encoding", "content-length", "content-encoding", "keep-alive"})
_LAST_UID = 1 << 31
_STREAMS = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
_UPGRADED = b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
_log = get_logger("docker-api")


def policy(lab: Lab) -> Policy:
    """Give what holds for this lab from now on, but for the images, which may be built anew (`_now`)."""
    workspace, gate, root = lab.workspace, lab.workspace.run / "gate", lab.workspace.root
    first_uid = lab.settings.sandbox.first_uid
    servers = Kind(
        images=frozenset(),
        uids=range(first_uid, _LAST_UID),
        writable=(workspace.homes.resolve(), (gate / "doors").resolve()),
        readable=((workspace.cache / "jupyter").resolve(), (gate / "files").resolve()),
        shared=((gate / "services").resolve(), (root / "notebooks" / "tour").resolve()),
    )
    boxes = Kind(
        images=frozenset(),
        uids=range(first_uid - BELOW_STUDENTS, first_uid),
        writable=((workspace.run / "grading").resolve(),),
        readable=((workspace.run / "grading").resolve(), (workspace.run / "grading-users").resolve(), workspace.courses.resolve()),
        shared=(workspace.kernels.resolve(), (root / "hub" / "dataflow_hub").resolve()),
        depth=2,
    )
    return Policy(lab_id=lab_id(lab), lab_uid=os.geteuid(), servers=servers, boxes=boxes)


def _now(policy: Policy, lab: Lab) -> Policy:
    tags = built.tags(lab.workspace)
    of_students, of_boxes = (frozenset(tags[name] for name in names if name in tags) for names in (built.STUDENTS, built.BOXES))
    return replace(policy, servers=replace(policy.servers, images=of_students), boxes=replace(policy.boxes, images=of_boxes))


def make_server(lab: Lab) -> httpserver.HTTPServer:
    """Give the server, listening on its socket."""
    path = hub_socket(lab)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    rules = [(r".*", _Door, {"lab": lab, "policy": policy(lab), "client": connect()})]
    # What is refused is logged below; the hub asks after each container twice a minute, and a line for each tells nobody anything.
    server = httpserver.HTTPServer(web.Application(rules, log_function=lambda _handler: None), max_body_size=_LARGEST_BYTES)
    server.add_socket(netutil.bind_unix_socket(str(path), mode=0o600))
    return server


class _Door(web.RequestHandler):
    def initialize(self, lab: Lab, policy: Policy, client: Any) -> None:
        self.lab, self.policy, self.client = lab, policy, client

    async def get(self) -> None:
        await self._pass_on()

    async def post(self) -> None:
        await self._pass_on()

    async def delete(self) -> None:
        await self._pass_on()

    async def _pass_on(self) -> None:
        method, path = str(self.request.method), self.request.path
        policy_now = _now(self.policy, self.lab)
        try:
            body = json.loads(self.request.body or b"{}")
        except ValueError:
            body = {"not": "JSON"}
        refusal = policy_now.refusal(method, path, body)
        name = container_of(path)
        if not refusal and name and not await asyncio.to_thread(self._is_own_or_missing, policy_now, name, path):
            refusal = f"{name} is no container of this lab's students, or not of that kind"
        if refusal:
            _log.warning("refused", method=method, path=path, why=refusal)
            self.set_status(403)
            self.finish({"message": f"The lab lets its services ask only for its students' containers: {refusal}"})
            return
        if path.endswith("/attach"):
            await self._carry(name)
            return
        reply = await asyncio.to_thread(self._ask, method, self.request.uri or path, body_to_pass_on(path, body))
        self.set_status(reply.status_code)
        self.clear_header("Content-Type")
        for header, value in reply.headers.items():
            if header.lower() not in _HOP:
                self.set_header(header, value)
        self.finish(reply.content or None)  # a start is answered with 204, which may not have even an empty body

    def _is_own_or_missing(self, policy_now: Policy, name: str, path: str) -> bool:
        reply = self._ask("GET", f"/containers/{name}/json", None)
        found = json.loads(reply.content) if reply.status_code == 200 else {}  # noqa: PLR2004 - HTTP
        return reply.status_code == 404 or policy_now.is_own(found.get("Config", {}).get("Labels") or {}, path)  # noqa: PLR2004 - HTTP

    async def _carry(self, name: str) -> None:
        """Hand the connection over to the container's standard streams, until both sides have ended."""
        engine = await asyncio.to_thread(self.client.attach_socket, name, _STREAMS)
        caller = self.detach()
        await caller.write(_UPGRADED)
        here, there = caller.socket.dup(), socket.socket(fileno=os.dup(engine.fileno()))
        engine.close()
        caller.close()  # its copy lives on: tornado would take the end of the caller's words for the end of all
        for end in (here, there):
            end.setblocking(False)
        await carry(lambda: asyncio.open_unix_connection(sock=there))(*await asyncio.open_unix_connection(sock=here))

    def _ask(self, method: str, uri: str, body: bytes | None) -> Any:
        headers = {"Content-Type": "application/json"} if body else {}
        return self.client.request(method, f"{self.client.base_url}{uri}", data=body, headers=headers, timeout=_SECONDS)
