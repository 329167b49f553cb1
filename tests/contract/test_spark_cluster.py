"""The Spark cluster: three workers share a job, one that is killed in the middle of it loses nothing, and strangers are not let in."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from tests.integration.services_lab import make_lab

from dataflow_hub.operations import lab as operations
from dataflow_hub.services import spark_cluster
from dataflow_hub.settings import Lab

pytestmark = pytest.mark.contract
WORKERS = [f"spark-worker-{number}" for number in spark_cluster.WORKERS]
ON_BOTH = pytest.mark.parametrize("lab", ["docker", "embedded"], indirect=True)
WITH_DOCKER = pytest.mark.parametrize("lab", ["docker"], indirect=True)
TASKS = 24
SECONDS = 240
# Each task takes a second and says in whose folder it ran. What is counted lies with the worker that counted it until the end.
JOB = """
import sys
from pyspark.sql import SparkSession
builder = SparkSession.builder.master(sys.argv[1]).config("spark.driver.host", "127.0.0.1").config("spark.ui.enabled", "false")
for line in open(sys.argv[2]) if sys.argv[2:] else ():
    builder = builder.config(*line.strip().split(" ", 1))
spark = builder.getOrCreate()
print("begun", flush=True)
spark.range(0, int(sys.argv[3]), 1, int(sys.argv[3])).createOrReplaceTempView("tasks")
rows = "SELECT id, java_method('java.lang.System', 'getProperty', 'user.dir') at, java_method('java.lang.Thread', 'sleep', 1000L) slept"
rows += " FROM tasks"
found = spark.sql(f"SELECT at, count(*) n, sum(id) s, count(coalesce(slept, 'x')) FROM ({rows}) GROUP BY at").collect()
workers = sorted({part for row in found for part in row["at"].split("/") if part.startswith("worker-")})
print("found", sum(row.n for row in found), sum(row.s for row in found), *workers, flush=True)
spark.stop()
"""


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = make_lab(tmp_path_factory.mktemp("lab"), request.getfixturevalue("images") if request.param == "docker" else None)
    try:
        operations.start_services(made, lambda _line: None, WORKERS)
        yield made
    finally:
        operations.down(made, lambda _line: None)


@contextmanager
def job(lab: Lab, folder: Path, *, secret: bool = True) -> Iterator[subprocess.Popen[str]]:
    """Give a driver of its own process, on this machine, that runs the job."""
    (folder / "job.py").write_text(JOB)
    properties = spark_cluster.properties_file(lab) if secret else folder / "none.conf"
    (folder / "none.conf").touch()
    argv = [sys.executable, "job.py", spark_cluster.url(lab), str(properties), str(TASKS)]
    process = subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def result(process: subprocess.Popen[str]) -> list[str]:
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, err
    return out.splitlines()[-1].split()


def status(lab: Lab, name: str):
    return next(row for row in operations.status(lab) if row.name == name)


def master(lab: Lab) -> dict:
    with urllib.request.urlopen(f"http://127.0.0.1:{lab.settings.ports.spark_pages}/json/", timeout=10) as reply:
        return json.load(reply)


def await_true(true, what):
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.2)


@ON_BOTH
def test_three_workers_share_a_job(lab: Lab, tmp_path: Path) -> None:
    await_true(lambda: master(lab)["aliveworkers"] == len(WORKERS), "the workers did not join")
    with job(lab, tmp_path) as process:
        assert result(process) == ["found", str(TASKS), str(sum(range(TASKS))), "worker-1", "worker-2", "worker-3"]


@WITH_DOCKER
def test_a_worker_killed_in_the_middle_loses_nothing(lab: Lab, tmp_path: Path) -> None:
    """kill -9 of a worker and its executor, with what they had counted: every task is counted once, and the worker is back."""
    await_true(lambda: master(lab)["aliveworkers"] == len(WORKERS), "the workers did not join")
    with job(lab, tmp_path) as process:
        await_true(lambda: any(app["cores"] == len(WORKERS) for app in master(lab)["activeapps"]), "no executors")
        time.sleep(4)
        assert process.poll() is None, "the job ended before a worker could be killed"
        old = status(lab, WORKERS[0]).pid
        worker = psutil.Process(old)
        for each in (*worker.children(recursive=True), worker):
            with suppress(psutil.NoSuchProcess):
                each.kill()
        assert result(process)[:3] == ["found", str(TASKS), str(sum(range(TASKS)))]
    await_true(lambda: status(lab, WORKERS[0]).healthy and status(lab, WORKERS[0]).pid != old, "the worker did not come back")


@WITH_DOCKER
def test_who_does_not_know_the_secret_is_not_let_in(lab: Lab, tmp_path: Path) -> None:
    """A driver without it gets no session; a program cannot be handed in by REST, which would ask for none."""
    with job(lab, tmp_path, secret=False) as process:
        out, _ = process.communicate(timeout=SECONDS)
        assert process.returncode != 0
        assert "begun" not in out
    listening = {each.laddr.port for each in psutil.net_connections("tcp") if each.status == psutil.CONN_LISTEN}
    assert 6066 not in listening


@WITH_DOCKER
def test_the_secret_is_in_nobodys_arguments(lab: Lab) -> None:
    secret = spark_cluster.properties(lab)["spark.authenticate.secret"]
    for name in ("spark-master", *WORKERS):
        process = psutil.Process(status(lab, name).pid)
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):  # an executor that has just ended
                assert secret not in " ".join(each.cmdline())
