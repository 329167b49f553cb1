"""Prefect without a server of its own: `use_local_api()` answers, in this process, the few questions that a flow asks of the API.

Where no server is given, Prefect starts one for each kernel: twenty seconds of processor time and 200 MB, to write down what a
notebook shows anyway. The engine that runs, retries and fails is Prefect's own either way.
"""

from __future__ import annotations

import hmac
import json
import secrets
import sys
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import ThreadingHTTPServer
from typing import Any
from uuid import uuid4

from dataflow_kernels.environ import export_defaults, process_environment
from dataflow_kernels.json_handler import JsonHandler

_QUIET = {
    "PREFECT_LOGGING_LEVEL": "CRITICAL",  # its lines go to stderr, and would count as an error in a graded cell
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false",
}
_SLOW = "rfc3987_syntax"  # jsonschema compiles a grammar with it for two seconds, to check addresses that no flow has


class FlowApi:
    """What Prefect's API knows of this process's flows, and its answers."""

    def __init__(self) -> None:
        self._flows: dict[str, str] = {}
        self._runs: dict[str, dict[str, Any]] = {}
        self._states: dict[str, list[dict[str, Any]]] = {}

    def runs(self) -> list[dict[str, Any]]:
        """Give the flow runs in the order in which they began: `flow`, `run`, `states` (the names, in order), `seconds`."""
        return [self._told(run_id, run) for run_id, run in list(self._runs.items()) if run["flow_id"] in self._flows]

    def answer(self, method: str, path: str, asked: dict[str, Any]) -> tuple[int, Any]:  # noqa: PLR0911 - one a route
        """Give status and content of the answer to one request; what nobody keeps here is 404, which Prefect takes for none."""
        match method, *path.strip("/").split("/"):
            case "GET", "admin", "version":
                from prefect import __version__

                return 200, __version__
            case "POST", "flows":
                flow_id = str(uuid4())
                self._flows[flow_id] = asked["name"]
                return 201, {**_made(flow_id), "name": asked["name"]}
            case "POST", "flow_runs" | "task_runs":
                return 201, self._create(asked)
            case "POST", "flow_runs" | "task_runs", "filter":
                return 200, []
            case "POST", "flow_runs" | "task_runs", run_id, "set_state" if run_id in self._runs:
                return 201, self._set_state(run_id, asked["state"])
            case "POST", "v2", "concurrency_limits", _:  # asked for by tasks with tags; there are no limits here
                return 200, {"lease_id": str(uuid4()), "limits": []}
            case "GET", "flow_runs" | "task_runs", run_id if run_id in self._runs:
                return 200, self._runs[run_id]
            case _:
                return 404, {"detail": "This process keeps flows and their runs only."}

    def _create(self, asked: dict[str, Any]) -> dict[str, Any]:
        run_id = str(uuid4())
        name = asked.get("name") or f"run-{len(self._runs) + 1}"
        self._runs[run_id] = {"flow_id": None, **asked, **_made(run_id), "name": name, "run_count": 0}
        self._enter(run_id, asked.get("state") or {"type": "PENDING", "name": "Pending"})
        return self._runs[run_id]

    def _set_state(self, run_id: str, state: dict[str, Any]) -> dict[str, Any]:
        """Accept a state; a failed flow that may still be retried enters another one, as with Prefect's own server."""
        run = self._runs[run_id]
        policy = run.get("empirical_policy") or {}
        if state["type"] == "FAILED" and run["run_count"] <= (policy.get("retries") or 0):
            when = datetime.now(UTC) + timedelta(seconds=policy.get("retry_delay") or 0)
            waiting = {"type": "SCHEDULED", "name": "AwaitingRetry", "state_details": {"scheduled_time": when.isoformat()}}
            return {"state": self._enter(run_id, waiting), "status": "REJECT", "details": {"type": "reject_details", "reason": "Retrying"}}
        return {"state": self._enter(run_id, state), "status": "ACCEPT", "details": {"type": "accept_details"}}

    def _enter(self, run_id: str, state: dict[str, Any]) -> dict[str, Any]:
        entered = {**state, "id": str(uuid4()), "timestamp": datetime.now(UTC).isoformat()}
        run = self._runs[run_id]
        run["state"] = entered
        run["run_count"] += entered["type"] == "RUNNING"
        self._states.setdefault(run_id, []).append(entered)
        return entered

    def _told(self, run_id: str, run: dict[str, Any]) -> dict[str, Any]:
        states = self._states[run_id]
        first, last = (datetime.fromisoformat(each["timestamp"]) for each in (states[0], states[-1]))
        names = " → ".join(str(each["name"]) for each in states)
        return {"flow": self._flows[run["flow_id"]], "run": run["name"], "states": names, "seconds": (last - first).total_seconds()}


@cache
def use_local_api() -> FlowApi:
    """Have the flows of this process told to this process; to be called before Prefect is first imported.

    Where the environment names a Prefect server, flows are told to that one, and what this gives stays empty.
    """
    api = FlowApi()
    if "PREFECT_API_URL" in process_environment():
        return api
    key = secrets.token_urlsafe(16)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(api, key))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="prefect-api", daemon=True).start()
    address = {"PREFECT_API_URL": f"http://127.0.0.1:{server.server_port}/api", "PREFECT_API_KEY": key}
    export_defaults({**_QUIET, **address, "PREFECT_HOME": tempfile.mkdtemp(prefix="prefect-")})
    _import_prefect()
    return api


def _import_prefect() -> None:
    absent = sys.modules.setdefault(_SLOW, None) is None  # type: ignore[arg-type] # None: the import fails, which jsonschema expects
    try:
        from prefect.events.clients import NullEventsClient
        from prefect.events.worker import EventsWorker
        from prefect.settings import get_current_settings
    finally:
        if absent:
            del sys.modules[_SLOW]
    EventsWorker.set_client_override(NullEventsClient)
    get_current_settings().flows.heartbeat_frequency = None  # a flow waits a second for the thread that sends them


def _handler(api: FlowApi, key: str) -> type[JsonHandler]:
    class Handler(JsonHandler):
        do_PATCH = do_DELETE = do_PUT = JsonHandler.serve  # noqa: N815 - the base class's names

        def answer(self, body: bytes) -> tuple[int, str]:
            if hmac.compare_digest(self.headers.get("Authorization", ""), f"Bearer {key}"):
                status, content = api.answer(self.command, self.path.removeprefix("/api"), json.loads(body) if body else {})
            else:  # another process of this machine
                status, content = 401, {"detail": "Not yours."}
            return status, json.dumps(content)

    return Handler


def _made(name: str) -> dict[str, str]:
    now = datetime.now(UTC).isoformat()
    return {"id": name, "created": now, "updated": now}
