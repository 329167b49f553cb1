"""MLflow tracking and registry: how it is started, and each student's credential in it.

Nobody has a default permission. Whoever creates an experiment or a registered model manages it and nobody else sees it.
Artifacts go through the server into the object store: students hold no key for that bucket.
"""

from __future__ import annotations

import base64
import http.client
import json
import secrets as entropy
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dataflow_hub.errors import ServiceError
from dataflow_hub.secrets import secret
from dataflow_hub.services import object_store
from dataflow_hub.settings import Lab
from dataflow_hub.workspace import write_private

SECRETS = ("mlflow-admin-password", "mlflow-session-key", "store-mlflow-key")
ADMIN = "lab-admin"
_API = "/api/2.0/mlflow/users"
_TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class TrackingAccess:
    """One student's way into MLflow."""

    uri: str
    username: str
    password: str = field(repr=False)


def uri(lab: Lab) -> str:
    """Give the tracking address, as kernels use it."""
    return f"http://127.0.0.1:{lab.settings.ports.mlflow}"


def command(lab: Lab) -> list[str]:
    """Give the argv of the server: one worker, no job runners (nine processes less)."""
    port = lab.settings.ports.mlflow
    options = {
        "--app-name": "basic-auth",
        "--host": "127.0.0.1",
        "--port": port,
        "--workers": 1,
        "--backend-store-uri": f"sqlite:///{_data(lab) / 'mlflow.db'}",
        "--artifacts-destination": f"s3://{object_store.TRACKING_BUCKET}/artifacts",
        "--allowed-hosts": f"127.0.0.1:{port},localhost:{port}",
    }
    arguments = [str(part) for pair in options.items() for part in pair]
    return [sys.executable, "-m", "dataflow_hub.services.mlflow_server", "server", "--serve-artifacts", *arguments]


def environment(lab: Lab) -> dict[str, str]:
    """Give what the server must not have in its argv, and the switches that have no option."""
    access_key, secret_key = object_store.tracking_credentials(lab)
    return {
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "MLFLOW_S3_ENDPOINT_URL": object_store.endpoint(lab),
        "MLFLOW_AUTH_CONFIG_PATH": str(_auth_config(lab)),
        "MLFLOW_AUTH_ADMIN_USERNAME": ADMIN,
        "MLFLOW_AUTH_ADMIN_PASSWORD": secret(lab.workspace, "mlflow-admin-password"),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secret(lab.workspace, "mlflow-session-key"),
        "MLFLOW_BASIC_AUTH_FAIL_CLOSED": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }


def prepare(lab: Lab) -> None:
    """Render the server's access rules."""
    _data(lab).mkdir(parents=True, exist_ok=True)
    _data(lab).chmod(0o700)
    lines = [
        "[mlflow]",
        "default_permission = NO_PERMISSIONS",
        f"database_uri = sqlite:///{_data(lab) / 'auth.db'}",
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth",
        "auth_cache_ttl_seconds = 30",  # each request would otherwise hash the password anew; our one worker forgets at once on a change
    ]
    write_private(_auth_config(lab), "\n".join(lines) + "\n")


def grant(lab: Lab, user: str) -> TrackingAccess:
    """Give `user` an account with a fresh password; the one before stops working at once.

    Experiments and models of the account are kept from one grant to the next.

    Raises
    ------
    ServiceError
        MLflow does not answer, or refuses.
    """
    password = entropy.token_urlsafe(24)
    status, reply = _call(lab, "POST", "/create", {"username": user, "password": password})
    if status == http.HTTPStatus.OK:
        return TrackingAccess(uri=uri(lab), username=user, password=password)
    if reply.get("error_code") != "RESOURCE_ALREADY_EXISTS":
        raise _refusal(status, reply)
    status, reply = _call(lab, "PATCH", "/update-password", {"username": user, "password": password})
    if status != http.HTTPStatus.OK:
        raise _refusal(status, reply)
    return TrackingAccess(uri=uri(lab), username=user, password=password)


def revoke(lab: Lab, user: str) -> None:
    """Close `user`'s account: the password becomes one nobody knows; runs and models stay for the gradebook's sake."""
    status, reply = _call(lab, "PATCH", "/update-password", {"username": user, "password": entropy.token_urlsafe(32)})
    if status != http.HTTPStatus.OK and reply.get("error_code") != "RESOURCE_DOES_NOT_EXIST":
        raise _refusal(status, reply)


def _call(lab: Lab, method: str, path: str, body: dict[str, str]) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", lab.settings.ports.mlflow, timeout=_TIMEOUT_SECONDS)
    password = secret(lab.workspace, "mlflow-admin-password")
    login = base64.b64encode(f"{ADMIN}:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
    try:
        connection.request(method, quote(_API + path), body=json.dumps(body), headers=headers)
        response = connection.getresponse()
        text = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise ServiceError("MLflow does not answer.", why=str(error), fix="./lab status, then ./lab up") from error
    finally:
        connection.close()
    return response.status, _parsed(text)


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {"message": text[:200].decode(errors="replace")}
    return value if isinstance(value, dict) else {"message": str(value)[:200]}


def _refusal(status: int, reply: dict[str, Any]) -> ServiceError:
    return ServiceError("MLflow refused to change an account.", why=f"{status}: {reply.get('message', '')}", fix="./lab logs mlflow")


def _auth_config(lab: Lab) -> Path:
    return lab.workspace.run / "mlflow-auth.ini"


def _data(lab: Lab) -> Path:
    return lab.workspace.data / "mlflow"
