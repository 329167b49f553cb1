"""The hub process itself: addresses, database, cookies, what it leaves running when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataflow_hub import secrets

if TYPE_CHECKING:
    from traitlets.config import Config

    from dataflow_hub.settings import Lab

HEADERS = {
    # 'unsafe-inline' is what JupyterHub's own pages need; nothing comes from another host
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; frame-ancestors 'none'; form-action 'self'; base-uri 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def configure(c: Config, lab: Lab) -> None:
    """Set addresses, database and cookies; students' servers outlive the hub and are found again."""
    settings, workspace = lab.settings, lab.workspace
    scheme = "https" if settings.tls.certificate else "http"
    c.JupyterHub.bind_url = f"{scheme}://{settings.hub.bind}:{settings.ports.hub}"
    c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{settings.ports.hub_api}"
    c.JupyterHub.db_url = f"sqlite:///{workspace.data / 'jupyterhub.sqlite'}"
    c.JupyterHub.cookie_secret = bytes.fromhex(secrets.secret(workspace, "hub-cookie"))
    c.JupyterHub.cleanup_servers = False
    c.JupyterHub.cleanup_proxy = False
    c.JupyterHub.concurrent_spawn_limit = 40  # a class that comes in together takes longer, and nobody of it is sent away
    c.JupyterHub.activity_resolution = 30
    c.JupyterHub.authenticate_prometheus = True
    c.JupyterHub.shutdown_on_logout = False
    c.JupyterHub.tornado_settings = tornado_settings(lab)


def tornado_settings(lab: Lab) -> dict[str, Any]:
    """Give what each answer of the hub carries: headers, and cookies that stay on this site."""
    return {
        "headers": HEADERS,
        "slow_spawn_timeout": 0,  # to the progress page at once
        "cookie_options": {"samesite": "Lax", "secure": lab.public_url.startswith("https:")},
    }
