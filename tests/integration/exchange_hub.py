"""A real JupyterHub with tokens for a few users, and the exchange service beside it: shared by the exchange's tests."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataflow_hub.exchange.__main__ import SCOPES
from dataflow_hub.exchange.identity import HubIdentity
from dataflow_hub.exchange.service import Parts, make_server
from dataflow_hub.exchange.store import Store
from dataflow_hub.roster import Roster

COURSE, LESSON = "medallion", "01-bronze"
PEOPLE = {"ana": ("student", "pt-BR"), "bia": ("student", "en"), "ivo": ("instructor", "en")}
NOTEBOOK = json.dumps(
    {
        "cells": [{"cell_type": "markdown", "id": "intro", "metadata": {}, "source": "LANGUAGE"}],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
)
_HUB_CONFIG = """
from jupyterhub.proxy import Proxy

class NoProxy(Proxy):
    should_start = False
    async def add_route(self, routespec, target, data): pass
    async def delete_route(self, routespec): pass
    async def get_all_routes(self): return {}

c = get_config()
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.bind_url = "http://127.0.0.1:%(front)d/"
c.JupyterHub.hub_port = %(port)d
c.JupyterHub.cookie_secret_file = "cookie_secret"
c.JupyterHub.db_url = "sqlite:///hub.sqlite"
c.ConfigurableHTTPProxy.auth_token = "%(exchange)s"
c.JupyterHub.services = [
    {"name": "exchange", "api_token": "%(exchange)s", "url": "http://127.0.0.1:9"},
    {"name": "maker", "api_token": "%(maker)s"},
]
c.JupyterHub.load_roles = [
    {"name": "maker", "scopes": ["admin:users", "tokens", "access:services"], "services": ["maker"]},
    {"name": "user", "scopes": ["self", "access:services!service=exchange"]},
]
"""


@dataclass
class Hub:
    """The running hub's API, as its administrator's service."""

    api: str
    maker: str
    exchange: str
    scopes: tuple[str, ...] = ("read:users:name!user", "users:activity!user", "access:services!service=exchange")

    def ask(self, method: str, path: str, values: Any = None) -> Any:
        """Call the hub's API."""
        body = None if values is None else json.dumps(values).encode()
        request = urllib.request.Request(f"{self.api}/{path}", data=body, method=method, headers={"Authorization": f"token {self.maker}"})
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.loads(response.read() or b"null")

    def token(self, user: str, scopes: tuple[str, ...] | None = None) -> tuple[str, str]:
        """Make a token of a user's, with the scopes of a student's server unless told: its id and text."""
        made = self.ask("POST", f"users/{user}/tokens", {"scopes": list(self.scopes if scopes is None else scopes)})
        return made["id"], made["token"]


@contextlib.contextmanager
def running_hub(folder: Path) -> Iterator[Hub]:
    """Run a real JupyterHub in `folder` until the end of the block."""
    front, port = free_ports(2)
    hub = Hub(api=f"http://127.0.0.1:{port}/hub/api", maker=secrets.token_hex(16), exchange=secrets.token_hex(16))
    (folder / "config.py").write_text(_HUB_CONFIG % {"front": front, "port": port, "exchange": hub.exchange, "maker": hub.maker})
    with (folder / "hub.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", "config.py"],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait(hub, process, folder)
            hub.ask("POST", "users", {"usernames": [*PEOPLE, "eve"]})
            yield hub
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)


def _wait(hub: Hub, process: subprocess.Popen[bytes], folder: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, (folder / "hub.log").read_text()
        with contextlib.suppress(OSError):
            hub.ask("GET", "users")
            return
        time.sleep(0.1)
    raise AssertionError((folder / "hub.log").read_text())


@dataclass
class Service:
    """The running exchange service."""

    url: str
    store: Store
    roster: Roster
    parts: Parts
    loop: asyncio.AbstractEventLoop = field(repr=False)

    def ask(self, path: str, token: str = "", values: Any = None, **headers: str) -> tuple[int, dict[str, Any]]:
        """Send a request: its status and JSON answer, refusals too."""
        body = values if isinstance(values, bytes | None) else json.dumps(values).encode()
        request = urllib.request.Request(f"{self.url}/{path}", data=body, headers={k.replace("_", "-"): v for k, v in headers.items()})
        if token:
            request.add_header("Authorization", f"token {token}")
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def submit(self, token: str, files: Mapping[str, bytes], submission_id: str = "", **more: Any) -> tuple[int, dict[str, Any]]:
        """Submit files as the student's client does, with `more` beside them."""
        encoded = {name: base64.b64encode(content).decode() for name, content in files.items()}
        values = {"submission_id": submission_id or secrets.token_hex(8), "files": encoded} | more
        return self.ask(f"assignments/{COURSE}/{LESSON}/submissions", token, values)


@contextlib.contextmanager
def running_service(hub: Hub, folder: Path) -> Iterator[Service]:
    """Run the exchange service in a thread until the end of the block."""
    roster = Roster(folder / "roster.sqlite")
    for user, (role, language) in PEOPLE.items():
        roster.add(user, user.title(), COURSE, role, language)
    store = Store(folder / "exchange", b"key")
    for language in ("en", "pt-BR"):
        (folder / language).mkdir()
        (folder / language / "bronze.ipynb").write_text(NOTEBOOK.replace("LANGUAGE", language))
    store.publish(COURSE, LESSON, {language: folder / language for language in ("en", "pt-BR")})
    (port,) = free_ports(1)
    loop, ready = asyncio.new_event_loop(), threading.Event()
    made: list[Parts] = []

    async def serve() -> None:
        parts = Parts(store=store, identity=HubIdentity(hub.api, hub.exchange, SCOPES), members=roster)
        server = make_server(parts)
        server.listen(port, address="127.0.0.1")
        made.append(parts)
        ready.set()
        try:
            await asyncio.Event().wait()
        finally:
            server.stop()
            await server.close_all_connections()

    task = loop.create_task(serve())
    thread = threading.Thread(target=lambda: loop.run_until_complete(asyncio.wait([task])))
    thread.start()
    assert ready.wait(10)
    yield Service(f"http://127.0.0.1:{port}/services/exchange", store, roster, made[0], loop)
    loop.call_soon_threadsafe(task.cancel)
    thread.join(10)
    loop.close()


def free_ports(count: int) -> list[int]:
    """Give ports that nobody listens on just now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
