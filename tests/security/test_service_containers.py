"""The hub and its services as containers: a student's work goes on whatever dies, and a service that was taken over has little to take."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any

import pytest
from tests.conftest import ClassOfTwo

from dataflow_hub.containers import built
from dataflow_hub.containers.engine import LABEL, SERVICE, connect
from dataflow_hub.operations import lab as operations
from dataflow_hub.secrets import lab_id
from dataflow_hub.services.catalogue import find

pytestmark = pytest.mark.security
BACK_SECONDS = 90
# What a program in the hub's container asks of the door, with nothing but Python: it prints the status of each.
ASK = """
import http.client, json, socket, sys
class Door(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX); self.sock.connect(sys.argv[1])
for method, path, body in json.loads(sys.argv[2]):
    door = Door("door"); door.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
    print(door.getresponse().status)
"""


@pytest.fixture(scope="module")
def two(class_in_containers: ClassOfTwo) -> ClassOfTwo:
    return class_in_containers


@pytest.fixture(scope="module")
def run(two: ClassOfTwo) -> Any:
    """Give what runs a command in a service's container, and its output."""
    client = connect()

    def inside(service: str, *argv: str) -> str:
        labels = [f"{LABEL}={lab_id(two.lab)}", f"{SERVICE}={service}"]
        container = client.containers(filters={"label": labels})[0]["Id"]
        return str(client.exec_start(client.exec_create(container, [*argv])["Id"]).decode())

    return inside


GRADE = """
from dataflow_hub.grading import build
from dataflow_hub.grading.judge import code_of, find_lesson, judge, seeds_of
from dataflow_hub.settings import load_lab
lab = load_lab()
lesson = find_lesson(lab, "medallion", "01-bronze")
judged = judge(lab, lesson, code_of(build.with_solution(lesson, None)), seeds_of(lab, lesson, "nina"))
print(sorted({outcome.score for outcome in judged.outcomes}), judged.run.error)
"""


def test_formgrader_grades_in_containers_through_the_door(run: Any) -> None:
    """Its own container can make no sandbox: the engine makes both, and right work has all its marks."""
    assert run("formgrader", "/opt/lab/bin/python", "-c", GRADE).splitlines()[-1:] == ["[1.0] "]


def test_a_student_works_as_anywhere(two: ClassOfTwo) -> None:
    """Store and MLflow answer a kernel in a container whose hub is in one too."""
    code = """
import io, mlflow
s3.put_object("student-nina", "here", io.BytesIO(b"here"), 4)
mlflow.set_experiment("nina/here")
with mlflow.start_run() as run: mlflow.log_text("here", "note.txt")
print(s3.get_object("student-nina", "here").read().decode(), mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/note.txt"))
"""
    assert two.nina.run(code, 180).split()[-2:] == ["here", "here"]


@pytest.mark.parametrize("name", ["hub", "proxy", "gate", "docker-api"])
def test_a_killed_service_takes_nobodys_kernel_along(two: ClassOfTwo, name: str) -> None:
    """kill -9 of the hub, the front door, the gate or the engine's door: it is back, and the kernel has its variables."""
    two.nina.run(f"kept = {name!r}")
    status = lambda: next(row for row in operations.status(two.lab) if row.name == name)  # noqa: E731 - asked in a loop
    old = status().pid
    os.kill(old, signal.SIGKILL)
    end = time.monotonic() + BACK_SECONDS
    while not (status().healthy and status().pid != old):
        assert time.monotonic() < end, status()
        time.sleep(0.5)
    assert two.nina.run("print(kept)") == f"{name}\n"
    assert two.rig.hub("GET", "users/nina")[1]["servers"][""]["ready"]


def test_the_hub_gets_nothing_of_the_engine_but_its_students(two: ClassOfTwo, run: Any) -> None:
    """A program in the hub's container neither finds the engine's socket nor talks the door into anything else."""
    assert "No such file" in run("hub", "ls", "/var/run/docker.sock")
    root = {"Image": built.image(two.lab.workspace, "lessons"), "Cmd": ["id"], "HostConfig": {"Binds": ["/:/host"], "Privileged": True}}
    asks = [
        ("GET", "/version", None),
        ("GET", "/containers/json", None),
        ("POST", "/containers/create", root),
        ("POST", "/containers/create?name=x", root),
        ("GET", f"/containers/dataflow-{lab_id(two.lab)}-hub-1/json", None),
        ("DELETE", f"/containers/dataflow-{lab_id(two.lab)}-mlflow-1?force=1", None),
        ("POST", f"/containers/dataflow-{lab_id(two.lab)[:8]}-nina/exec", {"Cmd": ["id"]}),
    ]
    door = str(two.lab.workspace.run / "docker-api" / "docker.sock")
    answers = run("hub", "/opt/lab/bin/python", "-c", ASK, door, json.dumps(asks)).split()
    assert answers == ["200", *["403"] * (len(asks) - 1)]


@pytest.mark.parametrize("name", ["mlflow", "object-store", "gate"])
def test_a_service_that_students_reach_sees_its_own_secrets_and_no_homes(two: ClassOfTwo, run: Any, name: str) -> None:
    """Of the state folder it has what the catalogue names: not one secret more, no home, no gradebook, and no checks of lessons."""
    state, root = two.lab.workspace.state, two.lab.workspace.root
    found = run(name, "ls", f"{state}/secrets")
    assert (set() if "No such file" in found else set(found.split())) == set(find(name).secrets)
    for hidden in (f"{state}/homes", f"{state}/courses", f"{root}/courses", "/var/run/docker.sock"):
        assert "No such file" in run(name, "ls", hidden), hidden


@pytest.mark.parametrize("name", ["hub", "mlflow", "docker-api"])
def test_a_service_can_change_neither_its_program_nor_the_machine(run: Any, name: str) -> None:
    """Root and code are read-only; there are no capabilities beyond those that are named; nothing can be mounted."""
    assert "Read-only file system" in run(name, "touch", "/opt/lab/x")
    assert "Read-only file system" in run(name, "touch", f"{find.__globals__['__file__']}")
    effective = int(run(name, "grep", "CapEff", "/proc/1/status").split()[1], 16)
    assert effective == (0b1011 if find(name).container.capabilities else 0)  # CHOWN, DAC_OVERRIDE, FOWNER are bits 0, 1 and 3
    assert "NoNewPrivs:\t1" in run(name, "cat", "/proc/1/status")
