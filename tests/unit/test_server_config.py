"""The hub's configuration, set on a bare Config with no hub running."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from traitlets.config import Config

from dataflow_hub.errors import SettingsError
from dataflow_hub.operations import roster
from dataflow_hub.roster import open_roster
from dataflow_hub.server import configure, pages, roles
from dataflow_hub.server.attempts import Attempts
from dataflow_hub.server.pages import TEMPLATES, tiles
from dataflow_hub.server.ports import formgrader_ports
from dataflow_hub.server.proxy import static_configuration
from dataflow_hub.server.texts import catalogue, from_header
from dataflow_hub.settings import Lab, load_lab

if TYPE_CHECKING:
    from pathlib import Path


def _lab(folder: Path, **environ: str) -> Lab:
    lab = load_lab(state=folder / "state", environ=environ)
    lab.workspace.prepare()
    return lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return _lab(tmp_path)


def test_the_hub_leaves_servers_and_proxy_running(lab: Lab) -> None:
    """A restart of the hub interrupts nobody."""
    c = Config()
    configure(c, lab)
    assert c.JupyterHub.cleanup_servers is False
    assert c.TraefikFileProviderProxy.should_start is False
    assert c.JupyterHub.hub_bind_url.startswith("http://127.0.0.1:")


def test_a_server_token_reaches_its_own_activity_and_the_exchange_only(lab: Lab) -> None:
    """No scope that starts, reads or changes anything of another."""
    c = Config()
    configure(c, lab)
    assert c.Spawner.server_token_scopes == ["users:activity!user", "read:users:name!user", "access:services!service=exchange"]


@pytest.mark.parametrize(
    ("kind", "options", "name"),
    [
        ("oidc", {"client_id": "lab", "authorize_url": "https://id.example/auth"}, "RosterGenericOAuthenticator"),
        ("github", {"client_id": "lab"}, "RosterGitHubOAuthenticator"),
        ("ldap", {"server_address": "ldap.example"}, "RosterLDAPAuthenticator"),
        ("lti13", {"issuer": "https://lms.example"}, "RosterLTI13Authenticator"),
    ],
)
def test_each_way_to_log_in_configures(tmp_path: Path, kind: str, options: dict[str, Any], name: str) -> None:
    """OAuth, LDAP and LTI are settings: their own traits are set, and the roster still decides who comes in."""
    (tmp_path / "state").mkdir()
    lines = [f"{key} = {value!r}" for key, value in options.items()]
    (tmp_path / "state" / "dataflow.toml").write_text(f'[auth]\nkind = "{kind}"\n[auth.options]\n' + "\n".join(lines))
    c = Config()
    configure(c, _lab(tmp_path))
    authenticator = c.JupyterHub.authenticator_class(config=c)
    assert type(authenticator).__name__ == name
    assert all(getattr(authenticator, key) == value for key, value in options.items())
    assert authenticator.facts("stranger") is None


def test_an_option_the_authenticator_lacks_is_refused_with_a_suggestion(tmp_path: Path) -> None:
    """A misspelt trait is not silently ignored."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "dataflow.toml").write_text('[auth]\nkind = "ldap"\n[auth.options]\nserver_adress = "x"')
    with pytest.raises(SettingsError, match="server_address"):
        configure(Config(), _lab(tmp_path))


def test_groups_follow_roles() -> None:
    """Students and graders of a course are two groups."""
    assert roles.groups({"medallion": "student", "mlops": "instructor"}) == ["formgrade-mlops", "nbgrader-medallion"]


def test_a_new_course_moves_no_other_courses_formgrader(lab: Lab) -> None:
    """Ports are kept, whatever sorts before."""
    roster.add(lab, "zeta", "ana", "Ana", "student", "en")
    before = formgrader_ports(lab)
    roster.add(lab, "alpha", "ana", "Ana", "student", "en")
    after = formgrader_ports(lab)
    assert after.items() >= before.items()
    assert len(set(after.values())) == len(after)


def test_tiles_are_by_role(lab: Lab) -> None:
    """A student sees no grading, an administrator sees the console."""
    roster.add(lab, "medallion", "ana", "Ana", "student", "en")
    roster.add(lab, "medallion", "rui", "Rui", "instructor", "en")
    open_roster(lab).add_admin("admin", "Admin", "en")
    icons = {user: {tile.icon for tile in tiles(lab, user)} for user in ("ana", "rui", "admin")}
    assert "grade" not in icons["ana"]
    assert "grade" in icons["rui"]
    assert {"store", "admin"} <= icons["admin"]
    assert not {"store", "admin"} & icons["rui"]


def test_the_tile_of_a_services_page_is_there_when_the_service_is(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect for staff, the dashboards for all; neither where it does not run, as in a lab of `./lab up` alone."""
    roster.add(lab, "medallion", "ana", "Ana", "student", "en")
    roster.add(lab, "medallion", "rui", "Rui", "instructor", "en")
    open_roster(lab).add_admin("admin", "Admin", "en")
    for running in (True, False):
        monkeypatch.setattr(pages, "is_up", lambda _lab, _page, up=running: up)
        icons = {user: {tile.icon for tile in tiles(lab, user)} & {"prefect", "streamlit"} for user in ("ana", "rui", "admin")}
        both = {"prefect", "streamlit"} if running else set()
        assert icons == {"ana": both - {"prefect"}, "rui": both, "admin": both}


def test_pages_are_open_by_role(lab: Lab) -> None:
    """Staff of any course open Prefect; every account opens the dashboards; the hub's start waits for neither."""
    c = Config()
    configure(c, lab)
    found = {role["name"]: role["scopes"] for role in c.JupyterHub.load_roles}
    assert "access:services!service=streamlit" in found["user"]
    assert "access:services!service=prefect" not in found["user"]
    assert "access:services!service=prefect" in found["formgrade-medallion"]
    assert [service["timeout"] for service in c.JupyterHub.services if service["name"] in {"prefect", "streamlit"}] == [0, 0]


def test_every_text_is_there_in_both_languages() -> None:
    """No page is half translated."""
    raw = tomllib.loads((TEMPLATES / "texts.toml").read_text(encoding="utf-8"))
    assert raw == catalogue()
    assert {key: set(entry) for key, entry in raw.items()} == {key: {"en", "pt-BR"} for key in raw}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("pt-BR,en;q=0.5", "pt-BR"),
        ("de,en;q=0.5,pt;q=0.8", "pt-BR"),
        ("", "en"),
        ("fr", "en"),
        ("en;q=0,pt;q=x", "en"),
        ("pt;q=0,en", "en"),
    ],
)
def test_the_browsers_language_is_read(header: str, expected: str) -> None:
    """Quality values count; what is malformed does not."""
    assert from_header(header, default="en") == expected


def test_failures_are_limited_by_key_and_forgotten_after_a_minute() -> None:
    """The limit is on each key by itself, and ends by itself."""
    now = [0.0]
    attempts = Attempts(2, clock=lambda: now[0])
    for _ in range(2):
        attempts.fail("account ana", "address 10.0.0.1")
    assert not attempts.allowed("account ana")
    assert not attempts.allowed("account bruno", "address 10.0.0.1")
    assert attempts.allowed("account bruno", "address 10.0.0.2")
    now[0] = 61.0
    assert attempts.allowed("account ana", "address 10.0.0.1")


def test_the_proxy_listens_where_the_settings_say_and_tells_nobody(lab: Lab) -> None:
    """Loopback by default; no version check, no usage statistics."""
    static = static_configuration(lab)
    assert static["entryPoints"]["http"]["address"] == "127.0.0.1:8000"
    assert static["global"] == {"checkNewVersion": False, "sendAnonymousUsage": False}


def test_with_a_certificate_the_front_door_speaks_tls_only(tmp_path: Path) -> None:
    """No plain entry point is left beside it."""
    lab = _lab(tmp_path, DATAFLOW__TLS__CERTIFICATE="/c.pem", DATAFLOW__TLS__KEY="/k.pem")
    assert set(static_configuration(lab)["entryPoints"]) == {"https", "auth_api"}
    c = Config()
    configure(c, lab)
    assert c.JupyterHub.tornado_settings["cookie_options"]["secure"] is True


def test_who_watches_the_hub_reads_its_numbers_and_nothing_else(lab: Lab) -> None:
    """Prometheus's token neither lists people nor starts anything, and the numbers are not open to all."""
    c = Config()
    configure(c, lab)
    assert c.JupyterHub.authenticate_prometheus is True
    own = [role for role in c.JupyterHub.load_roles if "prometheus" in role.get("services", ())]
    assert [role["scopes"] for role in own] == [["read:metrics"]]
