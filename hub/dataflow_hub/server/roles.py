"""Who may do what: scopes of people, of their servers' tokens, of the services; groups follow the roster."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from dataflow_hub import secrets
from dataflow_hub.server.ports import courses, formgrader_ports
from dataflow_hub.server.service_pages import PAGES, access_scope, hub_service
from dataflow_hub.services.upstream.table import HUB_TOKEN

if TYPE_CHECKING:
    from traitlets.config import Config

    from dataflow_hub.settings import Lab

EXCHANGE_ACCESS = "access:services!service=exchange"
# what the token in a student's server may do: report its own activity, say whose it is, reach the exchange
SERVER_TOKEN_SCOPES = ["users:activity!user", "read:users:name!user", EXCHANGE_ACCESS]
_STAFF_PAGES = tuple(access_scope(page) for page in PAGES if page.staff_only)
_PAGES_FOR_ALL = tuple(access_scope(page) for page in PAGES if not page.staff_only)
_CULLER_SCOPES = ["list:users", "read:users:activity", "read:servers", "delete:servers"]
_GUARD_SCOPES = ["list:users", "read:servers", "delete:servers"]
_WAIT_SECONDS = 1  # the hub would wait for each service at its start, and they for the hub


def configure(c: Config, lab: Lab) -> None:
    """Set roles and services; who is in which group is the authenticator's to say."""
    pages = [hub_service(lab, page) for page in PAGES]
    c.JupyterHub.services = [*_services(lab), *pages, *(formgrader_service(lab, course) for course in courses(lab))]
    c.JupyterHub.load_roles = [*hub_roles(), *(formgrader_role(course) for course in courses(lab))]
    c.Spawner.server_token_scopes = SERVER_TOKEN_SCOPES


def student_group(course: str) -> str:
    """Give the hub group of a course's students."""
    return f"nbgrader-{course}"


def grader_group(course: str) -> str:
    """Give the hub group of a course's graders and instructors."""
    return f"formgrade-{course}"


def groups(roles: dict[str, str]) -> list[str]:
    """Give the hub groups of a person with these roles by course."""
    return sorted(student_group(course) if role == "student" else grader_group(course) for course, role in roles.items())


def formgrader_service(lab: Lab, course: str) -> dict[str, Any]:
    """Give the hub's entry for a course's formgrader: a page behind the hub's own login, for that course's graders."""
    return {
        "name": f"formgrader-{course}",
        "url": f"http://127.0.0.1:{formgrader_ports(lab)[course]}",
        "api_token": formgrader_token(lab, course),
        "oauth_no_confirm": True,
        "display": False,
        "timeout": _WAIT_SECONDS,
    }


def formgrader_role(course: str) -> dict[str, Any]:
    """Give the role that opens a course's formgrader, and the pages for staff, to its graders."""
    scopes = [f"access:services!service=formgrader-{course}", *_STAFF_PAGES]
    return {"name": grader_group(course), "scopes": scopes, "groups": [grader_group(course)]}


def formgrader_token(lab: Lab, course: str) -> str:
    """Give the token with which a course's formgrader knows the hub."""
    return secrets.secret(lab.workspace, f"formgrader-hub-token-{course}")


def _services(lab: Lab) -> list[dict[str, Any]]:
    ports, workspace = lab.settings.ports, lab.workspace
    # they end with the hub: one that outlived a killed hub would be joined by the next hub's own
    module = ["setpriv", "--pdeathsig", "TERM", sys.executable, "-m"]
    idle_seconds = lab.settings.sandbox.idle_minutes * 60
    return [
        {
            "name": "exchange",
            "url": f"http://127.0.0.1:{ports.exchange}",
            "api_token": secrets.secret(workspace, "exchange-hub-token"),
            "oauth_no_confirm": True,
            "display": False,
            "timeout": _WAIT_SECONDS,
        },
        {"name": "lab", "api_token": secrets.secret(workspace, "hub-admin-token"), "display": False},
        {"name": "prometheus", "api_token": secrets.secret(workspace, HUB_TOKEN), "display": False},
        {
            "name": "idle-culler",
            "command": [*module, "jupyterhub_idle_culler", f"--timeout={idle_seconds}", f"--cull-every={max(10, idle_seconds // 10)}"],
            "display": False,
        },
        {
            "name": "home-guard",
            "command": [*module, "dataflow_hub.server.home_guard"],
            "environment": lab.environment(),
            "display": False,
        },
    ]


def hub_roles() -> list[dict[str, Any]]:
    """Give the roles that do not depend on which courses there are."""
    return [
        {
            "name": "user",
            "description": "Every account: its own pages and server, the exchange, and the pages for all",
            "scopes": ["self", EXCHANGE_ACCESS, *_PAGES_FOR_ALL],
        },
        {"name": "exchange-service", "scopes": ["read:users:name", "read:users:groups"], "services": ["exchange"]},
        {
            "name": "lab-operations",
            "scopes": ["admin:users", "admin:groups", "admin:servers", "admin:services", "tokens", "read:hub", "list:users"],
            "services": ["lab"],
        },
        {"name": "idle-culler", "scopes": _CULLER_SCOPES, "services": ["idle-culler"]},
        {"name": "home-guard", "scopes": _GUARD_SCOPES, "services": ["home-guard"]},
        {"name": "prometheus", "description": "Numbers without names", "scopes": ["read:metrics"], "services": ["prometheus"]},
    ]
