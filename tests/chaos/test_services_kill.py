"""F3 and F16: services are killed in mid-work; what was acknowledged stays, and nothing is orphaned."""

import hashlib
import io
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from minio.error import S3Error
from tests.integration.services_lab import s3, started, status_of
from urllib3 import PoolManager, Retry
from urllib3.exceptions import HTTPError

from dataflow_hub.operations import lab as operations
from dataflow_hub.secrets import lab_id
from dataflow_hub.services import embedded, object_store, tracking
from dataflow_hub.services.family import members

pytestmark = pytest.mark.chaos


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with started(tmp_path_factory.mktemp("kill") / "state", "mlflow") as lab:
        yield lab


def kill(lab, name):
    row = next(row for row in operations.status(lab) if row.name == name)
    os.kill(row.pid, signal.SIGKILL)
    return row.pid


def await_healthy(lab, name, *, not_pid=0, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        row = next(row for row in operations.status(lab) if row.name == name)
        if row.healthy and row.pid != not_pid:
            return
        time.sleep(0.2)
    raise AssertionError(f"{name} is not back")


def test_every_acknowledged_object_survives_kill_9(lab):
    """F3: kill -9 in the middle of 100 concurrent puts; each put that was acknowledged is readable, checksum equal; grants too."""
    access = object_store.grant(lab, "ana")
    pool = PoolManager(retries=Retry(total=0), timeout=5, maxsize=8)
    client = s3(access, http_client=pool)
    acknowledged, half = {}, threading.Event()

    def put(number):
        content = os.urandom(200_000 + number)
        try:
            client.put_object(access.bucket, f"o/{number}", io.BytesIO(content), len(content))
        except (S3Error, HTTPError, OSError):
            return
        acknowledged[number] = hashlib.sha256(content).hexdigest()
        if len(acknowledged) >= 40:
            half.set()

    with ThreadPoolExecutor(8) as threads:
        futures = [threads.submit(put, number) for number in range(100)]
        assert half.wait(30)
        pid = kill(lab, "object-store")
        for future in futures:
            future.result()
    await_healthy(lab, "object-store", not_pid=pid)
    assert 40 <= len(acknowledged) < 100, "the kill was to fall into the middle"
    read = s3(access)
    for number, digest in acknowledged.items():
        assert hashlib.sha256(read.get_object(access.bucket, f"o/{number}").data).hexdigest() == digest


def test_mlflow_comes_back_with_its_accounts_after_kill_9(lab):
    """Killed, it is back by itself, and the credential given before still works."""
    access = tracking.grant(lab, "ana")
    pid = kill(lab, "mlflow")
    await_healthy(lab, "mlflow", not_pid=pid)
    assert status_of(f"{access.uri}/api/2.0/mlflow/experiments/search?max_results=1", login=access) == 200
    serving = [process.pid for process in members(lab_id(lab)) if "mlflow" in " ".join(process.cmdline()[1:])]
    assert len(serving) == 1, "a killed server leaves no second one behind on its port"


def test_nothing_is_left_when_the_supervisor_is_killed_and_up_mends_it(lab):
    """After kill -9 of the supervisor reaper ends every process of the lab; the stale socket and pid file stop nobody."""
    os.kill(embedded.supervisor_pid(lab), signal.SIGKILL)
    end = time.monotonic() + 15
    while (left := members(lab_id(lab))) and time.monotonic() < end:
        time.sleep(0.1)
    assert left == []
    assert (lab.workspace.run / "supervisor.sock").exists()
    operations.start_services(lab, lambda _line: None, ["object-store"])
    await_healthy(lab, "object-store")
    assert object_store.admin_client(lab).bucket_exists("student-ana")


def test_down_leaves_no_process_and_twice_is_once(lab):
    """After `down` nothing that carries the lab's mark lives; a second `down` has nothing to do."""
    operations.down(lab, lambda _line: None)
    assert members(lab_id(lab)) == []
    assert object_store.sockets(lab) == []
    operations.down(lab, lambda _line: None)
    assert {row.state for row in operations.status(lab)} == {"stopped"}
