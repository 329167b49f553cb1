"""What every backend does with services, whether they are processes, containers, or only said to be there."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.contract.fake_backend import FakeBackend
from tests.integration.services_lab import make_lab

from dataflow_hub.errors import LabError
from dataflow_hub.services import compose, embedded
from dataflow_hub.services.catalogue import CATALOGUE, find, select
from dataflow_hub.services.model import Backend, ServiceStatus
from dataflow_hub.settings import Lab

pytestmark = pytest.mark.contract
SERVICES = select(["object-store-console"])  # two, one of which needs the other
BACK_SECONDS = 60


@dataclass
class Rig:
    """A backend, a lab that it serves, and how a process of it is killed."""

    backend: Backend
    lab: Lab
    kill: Callable[[str], None]
    said: list[str]

    def up(self) -> dict[str, ServiceStatus]:
        self.backend.start(self.lab, SERVICES, self.said.append)
        return self.status()

    def status(self) -> dict[str, ServiceStatus]:
        return {row.name: row for row in self.backend.status(self.lab, CATALOGUE)}


@pytest.fixture(scope="module", params=["embedded", "docker", "fake"])
def rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    kind = request.param
    lab = make_lab(tmp_path_factory.mktemp("lab"), request.getfixturevalue("images") if kind == "docker" else None)
    backend: Any = {"embedded": embedded, "docker": compose, "fake": FakeBackend()}[kind]
    made = Rig(backend, lab, lambda _name: None, [])
    made.kill = backend.kill if kind == "fake" else lambda name: os.kill(made.status()[name].pid, signal.SIGKILL)
    try:
        yield made
    finally:
        backend.stop(lab, made.said.append)


def test_nothing_runs_before_it_is_started(rig: Rig) -> None:
    """Every service of the catalogue is listed, stopped, without a process."""
    rows = rig.status()
    assert set(rows) == {service.name for service in CATALOGUE}
    assert {(row.state, row.healthy, row.pid) for row in rows.values()} == {("stopped", False, 0)}


def test_a_service_of_a_lab_that_is_down_is_not_restarted(rig: Rig) -> None:
    """It says that the lab is not running, and how it is started."""
    with pytest.raises(LabError, match="not running"):
        rig.backend.restart(rig.lab, SERVICES[0], rig.said.append)


def test_what_is_started_is_healthy_and_nothing_else_runs(rig: Rig) -> None:
    """`start` comes back when all answer, each after what it depends on, and says so."""
    rows = rig.up()
    assert [service.name for service in SERVICES] == ["object-store", "object-store-console"]
    for service in SERVICES:
        row = rows[service.name]
        assert (row.state, row.healthy, row.wanted) == ("running", True, True)
        assert row.pid
        assert row.since
    assert {name for name, row in rows.items() if row.pid} == {service.name for service in SERVICES}
    ready = [line for line in rig.said if "is ready" in line]
    assert [line.split(" is ready")[0] for line in ready] == [service.title for service in SERVICES]


def test_starting_again_changes_nothing(rig: Rig) -> None:
    """What is healthy stays the very process that it was."""
    before = rig.up()
    after = rig.up()
    assert {name: row.pid for name, row in after.items()} == {name: row.pid for name, row in before.items()}


def test_a_restarted_service_is_another_process_and_the_others_stay(rig: Rig) -> None:
    before = rig.up()
    rig.backend.restart(rig.lab, find("object-store-console"), rig.said.append)
    after = rig.status()
    assert after["object-store-console"].healthy
    assert after["object-store-console"].pid != before["object-store-console"].pid
    assert after["object-store"].pid == before["object-store"].pid


def test_a_killed_service_comes_back_by_itself(rig: Rig) -> None:
    """kill -9: another process takes its place, healthy, with nobody asking."""
    before = rig.up()["object-store"].pid
    rig.kill("object-store")
    end = time.monotonic() + BACK_SECONDS
    while not ((row := rig.status()["object-store"]).healthy and row.pid != before):
        assert time.monotonic() < end, row
        time.sleep(0.2)


def test_a_taken_port_is_named_before_anything_is_started(rig: Rig) -> None:
    """The error names the port and the setting that moves it."""
    port = rig.lab.settings.ports.mlflow
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(LabError, match=rf"{port}[\s\S]*mlflow"):
            rig.backend.start(rig.lab, select(["mlflow"]), rig.said.append)
    assert not rig.status()["mlflow"].pid


def test_no_secret_is_in_arguments(rig: Rig) -> None:
    """What any user of the machine reads of a process, or with Docker of a container, holds none."""
    import psutil

    rows = rig.up()
    secrets = [path.read_text().strip() for path in rig.lab.workspace.secrets.glob("*") if path.name != "lab-id"]
    shown = ""
    for row in rows.values():
        if row.pid and psutil.pid_exists(row.pid):
            shown += " ".join(psutil.Process(row.pid).cmdline())
    if rig.backend is compose:
        from dataflow_hub.containers.engine import connect

        client = connect()
        shown += str([client.inspect_container(each["Id"]) for each in client.containers(filters={"label": "org.dataflow-lab.lab"})])
    assert not [secret for secret in secrets if secret in shown]


def test_stopping_leaves_nothing_and_may_be_done_twice(rig: Rig) -> None:
    """No process, no port, no leftovers to end; what was stored is still there."""
    rig.up()
    assert rig.backend.stop(rig.lab, rig.said.append) == 0
    assert {(row.state, row.pid) for row in rig.status().values()} == {("stopped", 0)}
    for service in SERVICES:
        for port in service.port_numbers(rig.lab):
            with socket.socket() as probe:
                assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert rig.backend.stop(rig.lab, rig.said.append) == 0


def test_one_that_does_not_start_is_told_with_the_end_of_its_log(rig: Rig) -> None:
    """The error names the service, says why, and where to read on."""
    name = "object-store-console"
    if isinstance(rig.backend, FakeBackend):
        rig.backend.broken = frozenset({name})
        services = SERVICES
    else:
        broken = replace(find(name), health=lambda _lab: find("mlflow").health(rig.lab), start_seconds=3)
        services = (SERVICES[0], broken)
    with pytest.raises(LabError) as caught:
        rig.backend.start(rig.lab, services, rig.said.append)
    assert "web console does not start" in str(caught.value)
    assert f"./lab logs {name}" in str(caught.value)
    sys.stderr.write(f"{caught.value}\n")
