"""What goes through the pages of Prefect and Streamlit, and what does not; nothing runs."""

import json

import pytest

from dataflow_hub.dashboards.texts import TEXTS, speak
from dataflow_hub.server.service_pages import PAGES, Refused
from dataflow_hub.services import live_orders, prefect_server, streamlit_server
from dataflow_hub.services.store_accounts import ACCOUNTS
from dataflow_hub.settings import load_lab

PREFECT, STREAMLIT = PAGES
ID = "26a0981f-f48b-4422-8b94-5f51d8fe0263"


@pytest.fixture
def lab(tmp_path):
    lab = load_lab(state=tmp_path / "state", environ={})
    lab.workspace.prepare()
    return lab


def passes(method, path, body=b"{}"):
    try:
        return PREFECT.body(method, path, body)
    except Refused:
        return None


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/services/prefect/v2/dashboard"),
        ("GET", f"/api/flow_runs/{ID}"),
        ("GET", "/api/admin/version"),
        ("POST", "/api/flow_runs/filter"),
        ("POST", "/api/flow_runs/paginate"),
        ("POST", "/api/ui/flow_runs/count-task-runs"),
        ("POST", "/api/events/count-by/day"),
        ("POST", f"/api/deployments/{ID}/pause_deployment"),
        ("POST", f"/api/deployments/{ID}/resume_deployment"),
    ],
)
def test_staff_may_look_and_pause(method, path):
    """What Prefect's pages ask to show themselves goes through, by POST too."""
    assert passes(method, path) == b"{}"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/deployments/"),
        ("PATCH", f"/api/deployments/{ID}"),
        ("DELETE", f"/api/flows/{ID}"),
        ("PUT", "/api/automations/x"),
        ("POST", "/api/flow_runs/"),
        ("POST", f"/api/flow_runs/{ID}/labels"),
        ("POST", f"/api/deployments/{ID}/../filter"),
        ("POST", "/api/flows/%2e%2e/filter"),
        ("POST", "/api/deployments/branch"),
        ("GET", "/api/admin/settings"),
        ("GET", "/api/admin/%73ettings"),
        ("POST", "/api/admin/database/clear"),
    ],
)
def test_nobody_changes_what_is_executed(method, path):
    """Deployments say what the runner executes, and it runs as the lab: no page changes one."""
    assert passes(method, path) is None


def test_a_start_carries_parameters_and_nothing_of_the_machine():
    """An environment, a queue, a state or infrastructure of one's own is left out."""
    asked = {
        "name": "n",
        "parameters": {"source": "a/b"},
        "job_variables": {"env": {"X": "1"}},
        "state": {"type": "COMPLETED"},
        "work_queue_name": "q",
    }
    sent = json.loads(passes("POST", f"/api/deployments/{ID}/create_flow_run", json.dumps(asked).encode()))
    assert sent == {"name": "n", "parameters": {"source": "a/b"}}
    assert passes("POST", f"/api/deployments/{ID}/create_flow_run", b"[1]") is None
    assert passes("POST", f"/api/deployments/{ID}/create_flow_run", b"not json") is None


def test_a_state_is_set_to_cancel_only():
    """Nobody says that a run succeeded, nor hands it a result."""
    path = f"/api/flow_runs/{ID}/set_state"
    cancel = json.dumps({"state": {"type": "CANCELLING", "data": {"x": 1}}, "force": True}).encode()
    assert json.loads(passes("POST", path, cancel)) == {"state": {"type": "CANCELLING"}}
    assert passes("POST", path, b'{"state": {"type": "COMPLETED"}}') is None


def test_dashboards_are_only_read():
    """Nothing is uploaded or sent but over the websocket."""
    with pytest.raises(Refused):
        STREAMLIT.body("POST", "/services/streamlit/_stcore/upload_file", b"x")


def test_the_pages_login_is_hidden_from_the_browser(lab):
    """Prefect's page is told that nobody needs to log in; the login goes into the request and the websocket on the way."""
    reply = PREFECT.reply("/services/prefect/ui-settings", b'{"auth": "BASIC", "api_url": "/services/prefect/api"}')
    assert json.loads(reply) == {"auth": None, "api_url": "/services/prefect/api"}
    assert PREFECT.headers(lab, "rui", "en")["Authorization"].startswith("Basic ")
    assert json.loads(PREFECT.first_message(lab, "{}"))["token"] == prefect_server.login(lab)
    assert not PREFECT.opens_socket("/api/events/in")
    assert STREAMLIT.headers(lab, "ana", "pt-BR")[streamlit_server.DOOR_HEADER] == streamlit_server.door_word(lab)


def test_nothing_is_reported_outside(lab):
    """Analytics and usage statistics are off, and both listen on loopback alone."""
    assert prefect_server.environment(lab)["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert {"--browser.gatherUsageStats=false", "--server.address=127.0.0.1"} <= set(streamlit_server.command(lab))
    assert "127.0.0.1" in prefect_server.command(lab)


def test_no_service_writes_where_it_only_reads():
    """The dashboards' key writes nothing; no account reaches a student's bucket or all of them."""
    actions = {account.name: account.actions for account in ACCOUNTS}
    assert not [action for action in actions["dashboards"] if not action.startswith(("Read:", "List:"))]
    assert {action.partition(":")[2] for found in actions.values() for action in found} == {"bronze", "silver", "gold"}


def test_a_silent_stream_is_unhealthy(lab, monkeypatch):
    """A query that has not looked for events for long is told, though its process lives."""
    assert not live_orders.health(lab).ok
    live_orders.heartbeat(lab).parent.mkdir(parents=True, exist_ok=True)
    live_orders.heartbeat(lab).touch()
    assert live_orders.health(lab).ok
    monkeypatch.setattr(live_orders.time, "time", lambda: live_orders.heartbeat(lab).stat().st_mtime + 600)
    assert "600 s" in live_orders.health(lab).detail


def test_the_dashboards_speak_both_languages():
    """No text lacks one; an unknown language gets English."""
    assert {key: set(entry) for key, entry in TEXTS.items()} == {key: {"en", "pt-BR"} for key in TEXTS}
    assert speak("fr", "fresh", seconds=3) == "Live: the last event arrived 3 s ago."
    assert "há 3 s" in speak("pt-BR", "fresh", seconds=3)
