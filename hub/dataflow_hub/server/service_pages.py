"""The web pages of services behind the hub's login: which there are, who may open them, and what they may do there."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from dataflow_hub import secrets
from dataflow_hub.services import prefect_server, streamlit_server

if TYPE_CHECKING:
    from dataflow_hub.settings import Lab

_ID = r"[0-9a-f-]{36}"
# Prefect asks by POST too; these change nothing.
_READS = re.compile(
    r"/api/(?:ui/(?:[\w-]+/)*[\w-]+|(?:[\w-]+/)+(?:filter|filter-minimal|count|history|paginate|lateness)|events/count-by/[\w-]+)"
)
_HIDDEN = re.compile(r"/api/admin/(?!version$).*")
_START = re.compile(rf"/api/deployments/{_ID}/create_flow_run")
_PAUSE = re.compile(rf"/api/deployments/{_ID}/(?:pause|resume)_deployment")
_CANCEL = re.compile(rf"/api/flow_runs/{_ID}/set_state")
_SOCKETS = re.compile(r"/api/(?:events|logs)/out")
_START_KEYS = frozenset({"name", "parameters", "tags", "idempotency_key", "enforce_parameter_schema"})
_CANCELLING = frozenset({"CANCELLING", "CANCELLED"})


class Refused(Exception):  # noqa: N818 - what the page says, not an error of ours
    """The page's reader may not do this through the page."""


@dataclass(frozen=True)
class ServicePage:
    """One page: its name in the hub, the setting of its port, who may open it."""

    name: str
    port: str
    staff_only: bool

    @property
    def prefix(self) -> str:
        """The path below which the hub shows it, without a slash at the end."""
        return f"/services/{self.name}"

    def upstream(self, path: str) -> str:
        """Give the path that the service itself knows, from the hub's."""
        return path

    def headers(self, lab: Lab, user: str, language: str) -> dict[str, str]:
        """Give what tells the service who asks."""
        raise NotImplementedError

    def body(self, method: str, path: str, body: bytes) -> bytes:  # noqa: ARG002
        """Give the body to pass on, by the service's own path.

        Raises
        ------
        Refused
            It may not be done through the page.
        """
        if method not in {"GET", "HEAD"}:
            raise Refused
        return body

    def reply(self, path: str, body: bytes) -> bytes:  # noqa: ARG002 - the service's own path
        """Give a reply as the browser is to see it."""
        return body

    def opens_socket(self, path: str) -> bool:  # noqa: ARG002
        """Tell whether a websocket may be opened there."""
        return True

    def first_message(self, lab: Lab, message: str | bytes) -> str | bytes:  # noqa: ARG002
        """Give a websocket's first message as the service is to see it."""
        return message


class PrefectPage(ServicePage):
    """Prefect's: staff look at everything, start deployed flows, pause, resume and cancel; nothing that changes what is executed."""

    def upstream(self, path: str) -> str:
        """Take the prefix off the API's paths: it has none of its own."""
        return path.removeprefix(self.prefix) if path.startswith(f"{self.prefix}/api/") else path

    def headers(self, lab: Lab, user: str, language: str) -> dict[str, str]:  # noqa: ARG002
        """Give the lab's own login."""
        return {"Authorization": "Basic " + base64.b64encode(prefect_server.login(lab).encode()).decode()}

    def body(self, method: str, path: str, body: bytes) -> bytes:
        """Refuse all but the few things that staff may do, and of those pass on what is theirs to say."""
        if method in {"GET", "HEAD"} and not _HIDDEN.fullmatch(unquote(path)):
            return body
        if method == "POST" and (_READS.fullmatch(path) or _PAUSE.fullmatch(path)):
            return body
        if method == "POST" and _START.fullmatch(path):
            asked = _object(body)  # not the environment of the run, nor the machine's command line
            return json.dumps({key: value for key, value in asked.items() if key in _START_KEYS}).encode()
        if method == "POST" and _CANCEL.fullmatch(path):
            state = _object(body).get("state")
            if isinstance(state, dict) and state.get("type") in _CANCELLING:
                return json.dumps({"state": {"type": state["type"]}}).encode()
        raise Refused

    def reply(self, path: str, body: bytes) -> bytes:
        """Let the page ask for no password: the reader has logged in, at the hub."""
        if not path.endswith("/ui-settings"):
            return body
        return json.dumps(_object(body) | {"auth": None}).encode()

    def opens_socket(self, path: str) -> bool:
        """Events and logs, to read."""
        return bool(_SOCKETS.fullmatch(path))

    def first_message(self, lab: Lab, message: str | bytes) -> str | bytes:  # noqa: ARG002
        """Prefect wants its login there."""
        return json.dumps({"type": "auth", "token": prefect_server.login(lab)})


class StreamlitPage(ServicePage):
    """Streamlit's: everybody with an account reads it."""

    def headers(self, lab: Lab, user: str, language: str) -> dict[str, str]:
        """Give the word by which it knows the proxy, and who reads."""
        return {
            streamlit_server.DOOR_HEADER: streamlit_server.door_word(lab),
            streamlit_server.USER_HEADER: user,
            streamlit_server.LANGUAGE_HEADER: language,
        }


PAGES: tuple[ServicePage, ...] = (
    PrefectPage("prefect", "prefect", staff_only=True),
    StreamlitPage("streamlit", "streamlit", staff_only=False),
)


def access_scope(page: ServicePage) -> str:
    """Give the scope that opens a page."""
    return f"access:services!service={page.name}"


def hub_token(lab: Lab, page: ServicePage) -> str:
    """Give the token with which the login proxy knows the hub, for this page."""
    return secrets.secret(lab.workspace, f"{page.name}-hub-token")


def hub_service(lab: Lab, page: ServicePage) -> dict[str, Any]:
    """Give the hub's entry of a page; the hub does not wait for it, since most labs run without."""
    return {
        "name": page.name,
        "url": f"http://127.0.0.1:{lab.settings.ports.auth_proxy}",
        "api_token": hub_token(lab, page),
        "oauth_no_confirm": True,
        "display": False,
        "timeout": 0,
    }


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        raise Refused from None
    if not isinstance(value, dict):
        raise Refused
    return value
