"""Prefect: the lab's own flow server, its web page and API, and the runner of its flows.

Prefect has no tenants: whoever may write to a server may change everybody's flows, and a deployment says what its runner is to
execute. So the port wants a login that only the lab's own processes have, and people reach it through the login proxy, which
lets staff look, start, pause and cancel (`server/service_pages`). Students run flows in their own sandbox, against a server that
Prefect starts there for as long as the kernel needs it.
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path

from dataflow_hub.secrets import secret
from dataflow_hub.services.health import get
from dataflow_hub.services.model import Health
from dataflow_hub.settings import Lab

PREFIX = "/services/prefect"
SECRETS = ("prefect-password",)
DEPLOYMENT = "bronze-to-silver-etl/nightly"
_USER = "lab"
# What nobody here uses costs memory and a query every few seconds: automations, workers' heartbeats, a log line for each event.
_UNUSED = ("TRIGGERS", "FOREMAN", "EVENT_LOGGER")


def api(lab: Lab) -> str:
    """Give the API's address, as the lab's own processes use it."""
    return f"http://127.0.0.1:{lab.settings.ports.prefect}/api"


def login(lab: Lab) -> str:
    """Give the login of the API, as `user:password`; never hand it to a student."""
    return f"{_USER}:{secret(lab.workspace, 'prefect-password')}"


def command(lab: Lab) -> list[str]:
    """Give the argv of the server, which stays one process."""
    address = ["--host", "127.0.0.1", "--port", str(lab.settings.ports.prefect)]
    return [sys.executable, "-m", "dataflow_hub.services.prefect_process", "server", "start", *address]


def environment(lab: Lab) -> dict[str, str]:
    """Give the server's settings: its login, its database, where its page is, and silence towards the outside."""
    return _common(lab) | {
        "PREFECT_SERVER_API_AUTH_STRING": login(lab),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{_data(lab) / 'prefect.db'}",
        "PREFECT_SERVER_DATABASE_TIMEOUT": "60",  # on a busy machine a writer waits longer for the others than the ten seconds it is given
        "PREFECT_SERVER_UI_SERVE_BASE": PREFIX,
        "PREFECT_SERVER_UI_API_URL": f"{PREFIX}/api",
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(lab.workspace.run / "prefect-ui"),
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        **{f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false" for name in _UNUSED},
    }


def client_environment(lab: Lab) -> dict[str, str]:
    """Give what a process of the lab needs to talk to the server."""
    return _common(lab) | {"PREFECT_API_URL": api(lab), "PREFECT_API_AUTH_STRING": login(lab)}


def runner_health(lab: Lab) -> Health:
    """Ask the server whether the runner has deployed its flow."""
    headers = {"Authorization": "Basic " + base64.b64encode(login(lab).encode()).decode()}
    return get("127.0.0.1", lab.settings.ports.prefect, f"/api/deployments/name/{DEPLOYMENT}", headers=headers)


def prepare(lab: Lab) -> None:
    """Make the folder of its database, for the lab alone."""
    _data(lab).mkdir(parents=True, exist_ok=True)
    _data(lab).chmod(0o700)


def _common(lab: Lab) -> dict[str, str]:
    return {
        "PREFECT_HOME": str(_data(lab)),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "MALLOC_ARENA_MAX": "2",
    }


def _data(lab: Lab) -> Path:
    return lab.workspace.data / "prefect"
