"""kill -9 of each service of the running lab, one at a time under use: back by itself, nothing acknowledged is lost."""

from __future__ import annotations

import os
import signal
import time

import pytest

from dataflow_hub.operations import lab as operations

pytestmark = pytest.mark.chaos

BACK_WITHIN_SECONDS = 60  # FAULTS says 15 on a machine of its own; this one is shared


def status_of(lab, name):
    return next(row for row in operations.status(lab) if row.name == name)


def kill(lab, name) -> int:
    pid = status_of(lab, name).pid
    os.kill(pid, signal.SIGKILL)
    return pid


def wait_back(lab, name, old_pid) -> float:
    began = time.monotonic()
    while time.monotonic() - began < BACK_WITHIN_SECONDS:
        row = status_of(lab, name)
        if row.healthy and row.pid != old_pid:
            return time.monotonic() - began
        time.sleep(0.5)
    raise AssertionError(f"{name} was not back within {BACK_WITHIN_SECONDS} s: {status_of(lab, name)}")


@pytest.mark.parametrize("name", ["hub", "proxy", "object-store", "mlflow"])
def test_a_killed_service_is_back_and_nothing_is_lost(class_of_two, name):
    """The kernel's variables, an acknowledged object and an acknowledged run outlive the death of any service."""
    two = class_of_two
    mark = f"{name}-{time.time():.0f}"
    written = two.nina.run(
        f"""
import io, mlflow
kept = "{mark}"
s3.put_object("student-nina", "{mark}", io.BytesIO(b"{mark}"), {len(mark)})
mlflow.set_experiment("nina/kept")
with mlflow.start_run() as run:
    mlflow.log_param("mark", "{mark}")
print("acknowledged", run.info.run_id)
""",
        180,
    )
    assert "acknowledged" in written, written
    run_id = written.split()[-1]
    old_pid = kill(two.lab, name)
    wait_back(two.lab, name, old_pid)
    two.rig.wait_healthy()  # a new front door answers a moment before it has read its routes
    read = """print(kept, s3.get_object("student-nina", kept).read().decode(), mlflow.get_run("%s").data.params["mark"])"""
    assert two.nina.run(read % run_id, 180).split()[-3:] == [mark] * 3
