"""A real hub behind its real proxy on free ports, for tests: no object store, no MLflow, two students and an instructor."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.loops import run_apart
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from dataflow_hub import secrets
from dataflow_hub.containers import built
from dataflow_hub.containers.engine import Engine
from dataflow_hub.operations import roster
from dataflow_hub.roster import open_roster
from dataflow_hub.settings import Lab, load_lab

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PASSWORD = "quatro palavras bem longas"
_PORTS = ("hub", "hub_api", "proxy_api", "exchange", "formgrader", "s3", "s3_console", "mlflow", "store_internal", "auth_proxy")
_WITHOUT_SERVICES = """
from dataflow_hub.server.accounts import Services
c.Provisioning.services = Services(grant_store=None, grant_tracking=None)
"""
_HEALTHY_SECONDS = 90
_START_SECONDS = 180  # a worker beside this one builds images, or grades


@dataclass
class HubRig:
    """The lab, its two processes, and what a test asks of them."""

    lab: Lab
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start the proxy or the hub."""
        command = {
            "proxy": [sys.executable, "-m", "dataflow_hub.server.proxy"],
            "gate": [sys.executable, "-m", "dataflow_hub.containers", "gate"],
            "docker-api": [sys.executable, "-m", "dataflow_hub.containers", "api"],
            "hub": [sys.executable, "-m", "jupyterhub", "-f", str(self.lab.workspace.root / "hub" / "jupyterhub_config.py")],
        }[name]
        with (self.lab.workspace.logs / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command, cwd=self.lab.workspace.run, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self, name: str) -> None:
        """Kill -9 one of them, and what it started in its own session."""
        self.processes[name].kill()
        self.processes[name].wait()

    def wait_healthy(self, seconds: float = _HEALTHY_SECONDS) -> float:
        """Wait until the hub answers through the front door; give how long that took."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.lab.public_url}/hub/health", timeout=2):
                return time.monotonic() - began
            time.sleep(0.1)
        message = f"the hub did not answer within {seconds} s:\n{self.log('hub')}"
        raise AssertionError(message)

    def hub(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Ask the hub's API as the lab's own service."""
        return self.ask(f"/hub/api/{path}", secrets.secret(self.lab.workspace, "hub-admin-token"), method, body)

    def ask(self, path: str, token: str, method: str = "GET", body: Any = None) -> tuple[int, Any]:
        """Ask the front door with a token; give status and reply."""
        request = urllib.request.Request(
            self.lab.public_url + path,
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"token {token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                text = reply.read()
                return reply.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")

    def token(self, user: str) -> str:
        """Give a token with which a test is `user`."""
        self.hub("POST", f"users/{user}")
        status, reply = self.hub("POST", f"users/{user}/tokens", {"expires_in": 3600})
        assert status == 201, reply
        return str(reply["token"])

    def spawn(self, user: str, **options: str) -> float:
        """Start a student's server and wait until it is ready; give how long that took."""
        self.hub("POST", f"users/{user}")
        began = time.monotonic()
        status, reply = self.hub("POST", f"users/{user}/server", options)
        assert status in (201, 202), reply
        while time.monotonic() - began < _START_SECONDS:
            status, reply = self.hub("GET", f"users/{user}")
            server = reply["servers"].get("") if status == 200 else {}
            if server is None:
                break  # the hub has given it up
            if server.get("ready"):
                return time.monotonic() - began
            time.sleep(0.2)
        after = time.monotonic() - began
        message = f"{user}'s server did not start ({after:.0f} s): {self.server_log(user)}\nThe hub: {self.log('hub')}"
        raise AssertionError(message)

    def runs(self, user: str) -> bool:
        """Tell whether the hub has a server of this user, running or on its way."""
        return bool(self.hub("GET", f"users/{user}")[1]["servers"])

    def server_log(self, user: str) -> str:
        """Give the end of the log of a student's server."""
        return self.log(f"servers/{user}")

    def log(self, name: str) -> str:
        """Give the end of a log of the lab."""
        path = self.lab.workspace.logs / f"{name}.log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else "(no log)"

    def kernel(self, user: str, name: str = "python3") -> Kernel:
        """Start a kernel in a student's running server."""
        token = self.token(user)
        status, reply = self.ask(f"/user/{user}/api/kernels", token, "POST", {"name": name})
        assert status == 201, reply
        return Kernel(self, user, token, reply["id"])


@dataclass
class Kernel:
    """A kernel in a student's sandbox, driven over the same websocket as a browser's."""

    rig: HubRig
    user: str
    token: str
    kernel_id: str

    def run(self, code: str, timeout_seconds: float = 60) -> str:
        """Run a cell; give what it printed, or its error."""
        return run_apart(asyncio.wait_for(self._run(code), timeout_seconds))

    async def _run(self, code: str) -> str:
        port = self.rig.lab.settings.ports.hub
        url = f"ws://127.0.0.1:{port}/user/{self.user}/api/kernels/{self.kernel_id}/channels"
        connection = await websocket_connect(HTTPRequest(url, headers={"Authorization": f"token {self.token}"}), max_message_size=1 << 26)
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": "execute_request",
            "username": self.user,
            "session": uuid.uuid4().hex,
            "version": "5.3",
        }
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False, "stop_on_error": True}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell", "buffers": []}
        await connection.write_message(json.dumps(message))
        printed: list[str] = []
        try:
            while True:
                text = await connection.read_message()
                assert isinstance(text, str), "the connection closed"
                reply = json.loads(text)
                if reply["parent_header"].get("msg_id") != header["msg_id"]:
                    continue
                kind, body = reply["header"]["msg_type"], reply["content"]
                if kind == "stream":
                    printed.append(body["text"])
                elif kind == "error":
                    printed.append(f"{body['ename']}: {body['evalue']}")
                elif kind == "status" and body["execution_state"] == "idle":
                    return "".join(printed)
        finally:
            connection.close()


@contextlib.contextmanager
def running_hub(folder: Path, *, images: Mapping[str, str] | None = None) -> Iterator[HubRig]:
    """Give a running hub whose state is in `folder`; nothing of it is left afterwards.

    Students' servers are containers of `images` where there are some, and sandboxes otherwise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for parent in (folder, *folder.parents[:3]):
        with contextlib.suppress(PermissionError):
            parent.chmod(parent.stat().st_mode | 0o011)
    environment = {**os.environ, "DATAFLOW_STATE": str(folder), "DATAFLOW__HUB__LOGIN_ATTEMPTS_PER_MINUTE": "5"}
    environment |= {f"DATAFLOW__PORTS__{name.upper()}": str(_free_port()) for name in _PORTS}
    environment |= {"DATAFLOW__SANDBOX__KIND": "docker" if images else "bubblewrap"}
    lab = load_lab(state=folder, environ=environment)
    lab.workspace.prepare()
    built.keep(lab.workspace, images or {})
    extra = folder / "jupyterhub_config.d"
    extra.mkdir(exist_ok=True)
    (extra / "without_services.py").write_text(_WITHOUT_SERVICES)
    _enrol(lab)
    rig = HubRig(lab, environment)
    try:
        for name in ("proxy", *(("gate", "docker-api") if images else ()), "hub"):
            rig.start(name)
        rig.wait_healthy()
        yield rig
    finally:
        _clean(rig)


def _enrol(lab: Lab) -> None:
    people = open_roster(lab)
    for user, role, language in (("ana", "student", "en"), ("bruno", "student", "pt-BR"), ("professora", "instructor", "en")):
        roster.add(lab, "medallion", user, user.title(), role, language)
        people.accept_invite(people.invite(user), PASSWORD)


def _clean(rig: HubRig) -> None:
    for process in rig.processes.values():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if "gate" in rig.processes:
        with contextlib.closing(Engine()) as engine:
            engine.remove_containers(secrets.lab_id(rig.lab))
    mark = secrets.lab_id(rig.lab).encode()
    for folder in Path("/proc").glob("[0-9]*"):  # the launchers of servers, which outlive a hub on purpose; each takes its tree along
        with contextlib.suppress(OSError):
            is_launcher = b"sandbox/launch.py" in (folder / "cmdline").read_bytes()
            if is_launcher and mark in (folder / "environ").read_bytes():
                os.kill(int(folder.name), signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
