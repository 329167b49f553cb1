"""The login page under attack: brute force, CSRF, redirects, tokens in addresses, a role that one does not have."""

from __future__ import annotations

import http.client
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from tests.integration import server_hub

from dataflow_hub.roster import open_roster

if TYPE_CHECKING:
    from collections.abc import Iterator


pytestmark = pytest.mark.security


class Browser:
    """As much of a browser as these attacks need: cookies and forms."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, form: dict[str, str] | None = None, **headers: str) -> tuple[int, dict[str, str], str]:
        """Ask, keep cookies, follow nothing."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers |= {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), "Sec-Fetch-Mode": "navigate"}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, urlencode(form) if form is not None else None, headers)
        reply = connection.getresponse()
        for line in reply.headers.get_all("Set-Cookie") or []:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        text = reply.read().decode(errors="replace")
        connection.close()
        return reply.status, dict(reply.headers), text

    def log_in(self, user: str, password: str, path: str = "/hub/login") -> tuple[int, dict[str, str], str]:
        """Fill the login form in and send it."""
        _, _, page = self.ask("GET", path)
        found = re.search(r'name="_xsrf" value="([^"]+)"', page)
        assert found is not None
        return self.ask("POST", path, {"_xsrf": found[1], "username": user, "password": password})


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with server_hub.running_hub(tmp_path_factory.mktemp("hub") / "state") as running:
        yield running


@pytest.fixture
def client(rig: Any) -> Browser:
    return Browser(rig.lab.settings.ports.hub)


def test_a_redirect_leads_nowhere_else(client: Browser) -> None:
    """After login one stays on the lab, whatever the address asked for."""
    for target in ("https://evil.example/", "//evil.example/", "/\\evil.example", "https:evil.example"):
        status, headers, _ = Browser(client.port).log_in("ana", server_hub.PASSWORD, f"/hub/login?{urlencode({'next': target})}")
        assert status == 302
        assert re.match(r"/(?![/\\])", headers["Location"]), "a path on this host, whatever it is called"


def test_a_form_from_elsewhere_is_refused(client: Browser) -> None:
    """Without the page's own token neither login nor language nor invite is taken."""
    for path, form in (
        ("/hub/login", {"username": "ana", "password": server_hub.PASSWORD}),
        ("/hub/language", {"language": "en"}),
        ("/hub/invite", {"token": "x", "password": "y" * 12}),
    ):
        assert client.ask("POST", path, form)[0] == 403, path


def test_a_cookie_planted_before_login_opens_nothing(rig: Any, client: Browser) -> None:
    """Whoever planted a session id in another's browser is still nobody once that person has logged in."""
    planted, attacker = {"jupyterhub-session-id": "planted"}, Browser(rig.lab.settings.ports.hub)
    client.cookies |= planted
    assert client.log_in("ana", server_hub.PASSWORD)[0] == 302
    assert client.ask("GET", "/hub/home")[0] == 200
    attacker.cookies |= planted
    status, headers, _ = attacker.ask("GET", "/hub/home")
    assert status == 302
    assert headers["Location"].startswith("/hub/login")


def test_an_invite_leaves_no_token_in_any_log(rig: Any, client: Browser) -> None:
    """The link's fragment never reaches a server; the form's body is not logged; a second use is refused."""
    token = open_roster(rig.lab).invite("bruno")
    _, headers, page = client.ask("GET", "/hub/invite")
    assert headers["Referrer-Policy"] == "no-referrer"
    xsrf = re.search(r'name="_xsrf" value="([^"]+)"', page)
    assert xsrf is not None
    form = {"_xsrf": xsrf[1], "token": token, "password": "nova senha comprida", "password_again": "nova senha comprida"}
    assert client.ask("POST", "/hub/invite", form)[1]["Location"] == "/hub/home"
    assert client.ask("POST", "/hub/invite", form)[0] in (400, 403)
    for log in rig.lab.workspace.logs.glob("*.log"):
        assert token not in log.read_text(errors="replace"), log


def test_pages_may_not_be_framed_and_load_nothing_from_outside(client: Browser) -> None:
    """The policy is sent with each page, and the page keeps to it."""
    _, headers, page = client.ask("GET", "/hub/login")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)


def test_guessing_is_stopped_and_the_right_password_too_for_a_minute(rig: Any) -> None:
    """After the limit even a right guess is refused, and it is said in the reader's language."""
    limit = rig.lab.settings.hub.login_attempts_per_minute
    for _ in range(limit):
        assert Browser(rig.lab.settings.ports.hub).log_in("professora", "a wrong guess")[0] == 403
    status, _, page = Browser(rig.lab.settings.ports.hub).log_in("professora", server_hub.PASSWORD)
    assert status == 429
    assert "Too many failed attempts" in page
