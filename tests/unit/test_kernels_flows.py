"""What Prefect's API answers where the kernel itself gives the answers."""

import subprocess
import sys
from pathlib import Path

import pytest

from dataflow_kernels.flows import FlowApi

KERNELS = Path(__file__).parents[2] / "kernels"
SCRIPT = """
from dataflow_kernels.flows import use_local_api
api = use_local_api()
import os, urllib.error, urllib.request
from prefect import flow, task

asked = []

@task(retries=2, retry_delay_seconds=0)
def extract():
    asked.append(1)
    if len(asked) < 3:
        raise OSError("503")

@flow
def inner():
    extract()

@flow
def nightly():
    inner()

@flow
def broken():
    raise ValueError("no")

nightly()
assert len(asked) == 3
assert broken(return_state=True).is_failed()
print([(run["flow"], run["states"]) for run in api.runs()])
try:
    urllib.request.urlopen(os.environ["PREFECT_API_URL"] + "/admin/version")
except urllib.error.HTTPError as error:
    print(error.code)
"""


@pytest.fixture
def api():
    return FlowApi()


def test_a_run_goes_from_state_to_state(api):
    """What was told is given back: the states by name, in order."""
    _, made = api.answer("POST", "/flows/", {"name": "nightly"})
    status, run = api.answer("POST", "/flow_runs/", {"flow_id": made["id"], "state": {"type": "PENDING", "name": "Pending"}})
    assert status == 201
    for kind in ("RUNNING", "COMPLETED"):
        _, told = api.answer("POST", f"/flow_runs/{run['id']}/set_state", {"state": {"type": kind, "name": kind.capitalize()}})
        assert told["status"] == "ACCEPT"
    assert api.answer("GET", f"/flow_runs/{run['id']}", {})[1]["state"]["type"] == "COMPLETED"
    assert [(each["flow"], each["states"]) for each in api.runs()] == [("nightly", "Pending → Running → Completed")]


def test_a_flow_with_retries_waits_instead_of_failing(api):
    """As with Prefect's server: the failure is refused as often as the flow may be retried, then taken."""
    _, made = api.answer("POST", "/flows/", {"name": "nightly"})
    _, run = api.answer("POST", "/flow_runs/", {"flow_id": made["id"], "empirical_policy": {"retries": 1, "retry_delay": 5}})
    outcomes = []
    for kind in ("RUNNING", "FAILED", "RUNNING", "FAILED"):
        _, told = api.answer("POST", f"/flow_runs/{run['id']}/set_state", {"state": {"type": kind, "name": kind.capitalize()}})
        outcomes.append((told["status"], told["state"]["name"]))
    assert outcomes == [("ACCEPT", "Running"), ("REJECT", "AwaitingRetry"), ("ACCEPT", "Running"), ("ACCEPT", "Failed")]


def test_what_nobody_keeps_here_is_not_found(api):
    """Prefect takes it for absent and goes on."""
    assert api.answer("GET", "/admin/storage", {})[0] == 404
    assert api.answer("GET", "/flow_runs/unknown", {})[0] == 404


@pytest.mark.integration
def test_prefect_runs_retries_and_fails_without_a_server():
    """Nested flows, retried tasks and failures are told to this process, nothing is written to stderr, and no other process may ask."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=KERNELS, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    runs, refused = done.stdout.splitlines()
    assert "('nightly', 'Pending → Running → Completed')" in runs
    assert "('broken', 'Pending → Running → Failed')" in runs
    assert refused == "401"
