"""`./lab bench spawn-docker`: from the click to JupyterLab in a container, ours beside what jupyterhub-deploy-docker would start.

Both hubs run at the same time, on the same engine, with servers of the same image; single starts alternate between them.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets as entropy
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from dataflow_hub import secrets
from dataflow_hub.containers import built
from dataflow_hub.containers.engine import connect
from dataflow_hub.errors import ServiceError
from dataflow_hub.operations import lab as labs
from dataflow_hub.operations import roster
from dataflow_hub.settings import Lab, load_lab

Report = Callable[[str], None]

_SINGLES, _BURST = 7, 10
_SECONDS = 180.0
_COURSE = "medallion"
_LOOPBACK = "127.0.0.1"
_PLAIN = """
c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = "http://{gateway}:{hub_port}"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.proxy_class = "traefik_file"
c.TraefikFileProviderProxy.traefik_api_url = "http://127.0.0.1:{api_port}"
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{folder}/cookie"
c.JupyterHub.services = [{{"name": "bench", "api_token": "{token}"}}]
c.JupyterHub.load_roles = [{{"name": "bench", "services": ["bench"], "scopes": ["admin:users", "admin:servers", "tokens"]}}]
c.JupyterHub.spawner_class = "dockerspawner.DockerSpawner"
c.DockerSpawner.image = "{image}"
c.DockerSpawner.cmd = ["jupyterhub-singleuser"]
c.DockerSpawner.network_name = "{network}"
c.DockerSpawner.use_internal_ip = True
c.DockerSpawner.remove = True
c.DockerSpawner.pull_policy = "never"
c.DockerSpawner.name_template = "{network}-{{username}}"
c.DockerSpawner.environment = {{"HOME": "/tmp"}}
c.DockerSpawner.notebook_dir = "/tmp"
"""


@dataclass(frozen=True)
class SpawnRow:
    """One way to start servers: the median and the worst of single starts, and of a burst of ten, in seconds; failed ones."""

    hub: str
    single_p50: float
    single_max: float
    burst_p50: float
    burst_max: float
    failed: int


@dataclass(frozen=True)
class _Hub:
    """A running hub, and the token with which it is asked."""

    name: str
    url: str
    token: str

    def ask(self, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": f"token {token or self.token}"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310 - a hub on loopback
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as reply:  # noqa: S310 - likewise
                text = reply.read()
                return reply.status, json.loads(text) if text.startswith((b"{", b"[")) else None
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")

    def start(self, user: str) -> float:
        """Start a server and open JupyterLab's page; give the seconds, infinite when it failed."""
        token = self.ask("POST", f"/hub/api/users/{user}/tokens", {"expires_in": 3600})[1]["token"]
        began = time.monotonic()
        self.ask("POST", f"/hub/api/users/{user}/server")
        while time.monotonic() - began < _SECONDS:
            servers = self.ask("GET", f"/hub/api/users/{user}")[1]["servers"]
            if "" not in servers:  # the hub gave up, or sent them away
                break
            if servers[""]["ready"]:
                return time.monotonic() - began if self.ask("GET", f"/user/{user}/lab", token=token)[0] == HTTPStatus.OK else math.inf
            time.sleep(0.1)
        return math.inf

    def stop(self, user: str) -> None:
        self.ask("DELETE", f"/hub/api/users/{user}/server")
        while self.ask("GET", f"/hub/api/users/{user}")[1]["servers"]:
            time.sleep(0.2)


def spawn_docker(lab: Lab, report: Report) -> list[SpawnRow]:
    """Measure both ways in one run.

    Raises
    ------
    LabError
        There is no engine, the images were not built, or a hub did not start.
    """
    image = built.image(lab.workspace, "lessons")
    users = [f"bench{number}" for number in range(_BURST)]
    with tempfile.TemporaryDirectory(prefix="dataflow-bench-") as folder:
        Path(folder).chmod(0o711)
        with _ours(lab, Path(folder) / "state", users, report) as ours, _plain(Path(folder), image, users) as plain:
            hubs = (ours, plain)
            singles: dict[str, list[float]] = {hub.name: [] for hub in hubs}
            for number in range(_SINGLES):
                for hub in hubs:
                    singles[hub.name].append(hub.start(users[0]))
                    report(f"start {number + 1} of {hub.name}: {singles[hub.name][-1]:.1f} s")
                    hub.stop(users[0])
            bursts = {hub.name: _burst(hub, users, report) for hub in hubs}
    return [_row(hub.name, singles[hub.name], bursts[hub.name]) for hub in hubs]


def _burst(hub: _Hub, users: list[str], report: Report) -> list[float]:
    with ThreadPoolExecutor(len(users)) as pool:
        found = list(pool.map(hub.start, users))
        report(f"burst of {len(users)} of {hub.name}: {min(found):.1f} to {max(found):.1f} s")
        list(pool.map(hub.stop, users))
    return found


def _row(name: str, singles: list[float], burst: list[float]) -> SpawnRow:
    failed = sum(seconds == math.inf for seconds in (*singles, *burst))
    return SpawnRow(
        hub=name,
        single_p50=round(statistics.median(singles), 1),
        single_max=round(max(singles), 1),
        burst_p50=round(statistics.median(burst), 1),
        burst_max=round(max(burst), 1),
        failed=failed,
    )


@contextmanager
def _ours(lab: Lab, state: Path, users: list[str], report: Report) -> Iterator[_Hub]:
    """Run a lab of its own: each start grants keys of the store and a login of MLflow, and gives a home away, as always."""
    names = [name for name in type(lab.settings.ports).model_fields if name != "store_internal"]
    ports = _free_ports(len(names) + 8)
    environ = {f"DATAFLOW__PORTS__{name.upper()}": str(port) for name, port in zip(names, ports, strict=False)}
    environ |= {"DATAFLOW__PORTS__STORE_INTERNAL": str(ports[-8]), "DATAFLOW__SANDBOX__KIND": "docker"}
    scratch = load_lab(state=state, environ={**environ, "DATAFLOW_CACHE": str(lab.workspace.cache)})
    scratch.workspace.prepare()
    built.keep(scratch.workspace, {name: built.image(lab.workspace, name) for name in built.STUDENTS})
    try:
        labs.start_services(scratch, report, ["hub"])
        for user in users:
            roster.add(scratch, _COURSE, user, user.title(), "student", "en")
        hub = _Hub("dataflow-lab", scratch.public_url, secrets.secret(scratch.workspace, "hub-admin-token"))
        for user in users:
            hub.ask("POST", f"/hub/api/users/{user}")
        yield hub
    finally:
        labs.down(scratch, report)


@contextmanager
def _plain(folder: Path, image: str, users: list[str]) -> Iterator[_Hub]:
    """Run JupyterHub with DockerSpawner on a bridge of its own, as jupyterhub-deploy-docker sets it up."""
    client, network, token = connect(), f"dataflow-bench-{entropy.token_hex(4)}", entropy.token_hex(16)
    made = client.create_network(network, driver="bridge")
    try:
        gateway = client.inspect_network(made["Id"])["IPAM"]["Config"][0]["Gateway"]
        port, hub_port, api_port = _free_ports(3)
        values = {"port": port, "hub_port": hub_port, "api_port": api_port, "gateway": gateway, "folder": folder, "token": token}
        (folder / "plain.py").write_text(_PLAIN.format(image=image, network=network, **values), encoding="utf-8")
        argv = [sys.executable, "-m", "jupyterhub", "-f", str(folder / "plain.py")]
        with (folder / "plain.log").open("wb") as log:
            process = subprocess.Popen(argv, cwd=folder, stdout=log, stderr=log)
        try:
            hub = _Hub("plain DockerSpawner", f"http://{_LOOPBACK}:{port}", token)
            _await(hub, process, folder / "plain.log")
            for user in users:
                hub.ask("POST", f"/hub/api/users/{user}")
            yield hub
        finally:
            process.terminate()
            process.wait()
    finally:
        for container in client.containers(all=True, filters={"network": network}):
            client.remove_container(container["Id"], force=True)
        client.remove_network(made["Id"])


def _await(hub: _Hub, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _SECONDS
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError):
            if hub.ask("GET", "/hub/api/users")[0] == HTTPStatus.OK:
                return
        time.sleep(0.3)
    raise ServiceError("The plain hub of the benchmark did not start.", why=log.read_text(errors="replace")[-1500:])


def _free_ports(count: int) -> list[int]:
    """Give neighbouring ports of loopback that nothing listens on, below those that outgoing connections use."""
    for first in range(25_000 + os.getpid() % 1000, 32_000, count):
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for port in range(first, first + count):
                held.enter_context(socket.socket()).bind((_LOOPBACK, port))
            return list(range(first, first + count))
    raise ServiceError("No free ports were found for the benchmark.")
