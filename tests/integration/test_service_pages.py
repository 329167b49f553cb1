"""Prefect and the dashboards behind the hub's login: who sees them, what staff may do, what a student's sandbox may not, and kill -9."""

import asyncio
import base64
import json
import os
import re
import signal
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError
from tests.integration.server_hub import PASSWORD, HubRig
from tests.integration.services_lab import installed
from tests.loops import run_apart
from tests.security.test_server_login import Browser
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from dataflow_hub import secrets
from dataflow_hub.operations import lab as operations
from dataflow_hub.operations import roster
from dataflow_hub.roster import open_roster
from dataflow_hub.secrets import lab_id
from dataflow_hub.services import object_store, prefect_server
from dataflow_hub.services.family import members
from dataflow_hub.services.store_accounts import DASHBOARDS, FLOWS, LIVE, delta_options

pytestmark = pytest.mark.integration
IDLE_MIB = 4096
SERVICES = ("auth-proxy", "prefect", "prefect-flows", "streamlit")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages") / "state"
    folder.mkdir()
    for parent in (folder, *folder.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o011)
    with installed(folder, "all") as lab:
        people = open_roster(lab)
        for user, role in (("ana", "student"), ("professora", "instructor")):
            roster.add(lab, "medallion", user, user.title(), role, "pt-BR")
            people.accept_invite(people.invite(user), PASSWORD)
        yield lab


@pytest.fixture(scope="module")
def rig(lab):
    return HubRig(lab, {})


@pytest.fixture(scope="module")
def recorded(lab):
    """Give a run that has ended: its source has no table yet."""
    asked = {"parameters": {"source": "none/here"}}
    run = prefect(lab, "POST", f"/deployments/{deployment(lab)['id']}/create_flow_run", asked)[1]["id"]
    await_state(lab, run, "COMPLETED")
    return run


def browser(lab, user):
    found = Browser(lab.settings.ports.hub)
    found.log_in(user, PASSWORD)
    return found


def follow(client, path):
    """GET as a browser would, through every redirect."""
    for _ in range(8):
        status, headers, text = client.ask("GET", path)
        if status not in {302, 307}:
            return status, path, text
        path = headers["Location"].removeprefix(f"http://127.0.0.1:{client.port}")
    raise AssertionError("redirected for ever")


def prefect(lab, method, path, body=None, login=True):
    """Ask Prefect's own port; give status and reply. As its own clients do, ask again after 503, its word for "the database is busy"."""
    headers = {"Content-Type": "application/json"}
    if login:
        headers["Authorization"] = "Basic " + base64.b64encode(prefect_server.login(lab).encode()).decode()
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(prefect_server.api(lab) + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            text = reply.read()
            return reply.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        if error.code == 503:
            time.sleep(1)
            return prefect(lab, method, path, body, login)
        return error.code, None


def await_state(lab, run, wanted, seconds=180):
    end = time.monotonic() + seconds
    while (state := prefect(lab, "GET", f"/flow_runs/{run}")[1]["state"])["type"] != wanted:
        assert state["type"] not in {"FAILED", "CRASHED"}, state
        assert time.monotonic() < end, state
        time.sleep(0.5)
    return state


def deployment(lab):
    return prefect(lab, "GET", f"/deployments/name/{prefect_server.DEPLOYMENT}")[1]


def put_bronze(lab, name):
    """Put ten rows into bronze: two doubled, two not above zero."""
    root = delta_options(lab, FLOWS) | {
        "AWS_ACCESS_KEY_ID": "root",
        "AWS_SECRET_ACCESS_KEY": secrets.secret(lab.workspace, "store-root-key"),
    }
    values = [10.0, 10.0, 20.0, 20.0, 30.0, 40.0, 50.0, 60.0, 0.0, -5.0]
    ids = ["A1", "A1", "A2", "A2", "A3", "A4", "A5", "A6", "A7", "A8"]
    write_deltalake(f"s3://bronze/{name}", pa.table({"pedido_id": ids, "valor": values}), mode="overwrite", storage_options=root)
    return root


def test_everything_is_healthy_in_status(lab):
    """After `./lab up all` every service answers, these among them."""
    rows = {row.name: row for row in operations.status(lab)}
    assert all(row.healthy and row.wanted for row in rows.values()), rows
    assert set(SERVICES) < set(rows)


def test_everything_together_idles_below_four_gib(lab, record_property, capsys):
    """`./lab up all` fits a laptop: the memory of all processes, what they share counted once."""
    idle = Counter()
    names = {row.pid: row.name for row in operations.status(lab)}
    for process in members(lab_id(lab)):
        owner = next((names[each.pid] for each in (process, *process.parents()) if each.pid in names), "lab")
        idle[owner] += process.memory_full_info().pss / 2**20
    record_property("idle_pss_mib", round(idle.total()))
    with capsys.disabled():
        sizes = ", ".join(f"{name} {size:.0f}" for name, size in idle.most_common())
        sys.stderr.write(f"\n{idle.total():.0f} MiB idle: {sizes}\n")
    assert idle.total() < IDLE_MIB


def test_without_a_login_every_page_leads_to_the_hubs(lab):
    """Pages redirect to the login; the API and websockets are refused."""
    for path in ("/services/prefect/", "/services/prefect/v2/", "/services/streamlit/"):
        status, headers, _ = Browser(lab.settings.ports.hub).ask("GET", path)
        assert status == 302
        assert headers["Location"].startswith("/hub/api/oauth2/authorize")
    assert Browser(lab.settings.ports.hub).ask("POST", "/services/prefect/api/flows/filter")[0] == 403
    with pytest.raises(HTTPClientError, match="403"):
        run_apart(first_message(lab, "/services/streamlit/_stcore/stream", {}))


def test_prefects_page_is_for_staff_and_the_dashboards_for_all(lab):
    """An instructor logs in through the hub and sees Prefect; a student is told that it is not open to them, in their language."""
    teacher, student = browser(lab, "professora"), browser(lab, "ana")
    assert follow(teacher, "/services/prefect/v2/")[0] == 200
    status, path, text = follow(student, "/services/prefect/v2/")
    assert status == 403, path
    assert "Esta página não está aberta" in text or "not open to your account" in text
    for client in (teacher, student):
        status, _, text = follow(client, "/services/streamlit/")
        assert (status, "streamlit" in text.lower()) == (200, True)


def test_the_page_asks_for_no_second_password(lab, rig):
    """Prefect would ask for the lab's own login: whoever has come this far needs none, and is not shown it."""
    status, found = rig.ask("/services/prefect/ui-settings", rig.token("professora"))
    assert (status, found["auth"], found["api_url"]) == (200, None, "/services/prefect/api")


def test_a_students_token_opens_the_dashboards_and_nothing_of_prefect(rig):
    """By role, also without a browser."""
    token = rig.token("ana")
    assert rig.ask("/services/prefect/api/flows/filter", token, "POST", {})[0] == 403
    assert rig.ask("/services/prefect/api/health", token)[0] == 403


def test_staff_start_flows_and_change_nothing_that_is_executed(lab, rig):
    """Look, start, pause, resume, cancel. Not: make or change a deployment, or give a run an environment or a state of one's own."""
    token, found = rig.token("professora"), deployment(lab)
    api = "/services/prefect/api"
    assert rig.ask(f"{api}/flows/filter", token, "POST", {})[0] == 200
    for method, path, body in (
        ("POST", "/deployments/", {"name": "mine", "flow_id": found["flow_id"]}),
        ("PATCH", f"/deployments/{found['id']}", {"entrypoint": "/tmp/mine.py:flow"}),
        ("DELETE", f"/deployments/{found['id']}", None),
        ("POST", "/variables/", {"name": "x", "value": "y"}),
        ("POST", "/block_documents/", {}),
        ("GET", "/admin/settings", None),
        ("GET", "/admin/%73ettings", None),
        ("POST", f"/flow_runs/{found['id']}/set_state", {"state": {"type": "COMPLETED"}}),
    ):
        assert rig.ask(api + path, token, method, body)[0] == 403, path
    asked = {
        "name": "de-aula",
        "parameters": {"source": "none/here"},
        "job_variables": {"env": {"LD_PRELOAD": "x"}},
        "work_queue_name": "q",
    }
    status, run = rig.ask(f"{api}/deployments/{found['id']}/create_flow_run", token, "POST", asked)
    assert (status, run["name"], run["parameters"]["source"], run["job_variables"]) == (201, "de-aula", "none/here", {})
    assert await_state(lab, run["id"], "COMPLETED")["name"] == "NothingYet"
    assert rig.ask(f"{api}/deployments/{found['id']}/pause_deployment", token, "POST", {})[0] == 200
    assert deployment(lab)["paused"] is True
    assert rig.ask(f"{api}/deployments/{found['id']}/resume_deployment", token, "POST", {})[0] == 200


def test_another_sites_page_cannot_use_a_readers_login(lab):
    """CSRF: the cookie alone is not enough, the request has to come from the page."""
    teacher = browser(lab, "professora")
    follow(teacher, "/services/prefect/v2/")
    ask = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
    origin = f"http://127.0.0.1:{lab.settings.ports.hub}"
    assert teacher.ask("POST", "/services/prefect/api/flows/filter", **ask, Origin=origin)[0] == 200
    assert teacher.ask("POST", "/services/prefect/api/flows/filter", **ask, Origin="https://evil.example")[0] == 403
    assert teacher.ask("POST", "/services/prefect/api/flows/filter", **ask | {"Sec-Fetch-Site": "cross-site"})[0] == 403


def test_the_seeds_flow_runs_on_the_real_lake_by_schedule(lab):
    """Deployed with its cron, started by it: distinct rows above zero are in silver, with their time; the next nights are planned."""
    root = put_bronze(lab, "raw_data_source1/table1")
    found = deployment(lab)
    assert [each["schedule"]["cron"] for each in found["schedules"]] == ["15 3 * * *"]
    due = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": due}}
    status, run = prefect(lab, "POST", f"/deployments/{found['id']}/create_flow_run", {"state": state})
    assert status == 201
    await_state(lab, run["id"], "COMPLETED")
    silver = DeltaTable("s3://silver/clean_data_domain1/table1", storage_options=root).to_pandas()
    assert sorted(silver["pedido_id"]) == ["A1", "A2", "A3", "A4", "A5", "A6"]
    assert silver["valor"].gt(0).all()
    assert silver["processed_ts"].notna().all()
    nights, end = [], time.monotonic() + 120
    while not nights:  # the server plans them once a minute
        assert time.monotonic() < end, "no night is planned"
        planned = prefect(lab, "POST", "/flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}})[1]
        nights = [each for each in planned if each["auto_scheduled"]]
        time.sleep(1)
    assert {each["expected_start_time"][11:16] for each in nights} == {"03:15"}


def test_each_service_has_a_key_of_its_own(lab):
    """Flows read bronze and write silver, the stream writes gold, the dashboards read gold: each refused elsewhere."""
    row = pa.table({"x": [1]})
    for account, bucket in ((FLOWS, "bronze"), (FLOWS, "gold"), (LIVE, "silver"), (DASHBOARDS, "gold"), (DASHBOARDS, "mlflow")):
        with pytest.raises((OSError, DeltaError), match=r"(?i)denied|forbidden|403|privileges"):
            write_deltalake(f"s3://{bucket}/planted", row, storage_options=delta_options(lab, account))
    with pytest.raises((OSError, DeltaError), match=r"(?i)denied|forbidden|403|privileges"):
        DeltaTable("s3://silver/clean_data_domain1/table1", storage_options=delta_options(lab, DASHBOARDS))


async def first_message(lab, path, headers, word="streamlit"):
    """Open a page's websocket through the front door, say what its page would say first, and give the answer."""
    request = HTTPRequest(f"ws://127.0.0.1:{lab.settings.ports.hub}{path}", headers=headers)
    connection = await websocket_connect(request, subprotocols=[word])
    try:
        if word == "prefect":
            await connection.write_message(json.dumps({"type": "auth", "token": None}))
        else:
            await connection.write_message(rerun(), binary=True)
        return await asyncio.wait_for(connection.read_message(), 30)
    finally:
        connection.close()


def rerun():
    from streamlit.proto.BackMsg_pb2 import BackMsg

    message = BackMsg()
    message.rerun_script.query_string = ""
    return message.SerializeToString()


async def shown(address, headers, seconds=60):
    """Give all that the dashboard sends over its websocket for one run of its script."""
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    connection = await websocket_connect(HTTPRequest(address, headers=headers), subprotocols=["streamlit"])
    await connection.write_message(rerun(), binary=True)
    found = b""
    try:
        while (message := await asyncio.wait_for(connection.read_message(), seconds)) is not None:
            found += message
            if ForwardMsg.FromString(message).WhichOneof("type") == "script_finished":
                break
    finally:
        connection.close()
    return found.decode(errors="replace")


def test_the_dashboard_speaks_over_its_websocket_in_the_readers_language(lab, rig):
    """Through the front door: the empty state says what to do; once gold has a table, it is offered."""
    headers = {"Authorization": f"token {rig.token('ana')}"}
    address = f"ws://127.0.0.1:{lab.settings.ports.hub}/services/streamlit/_stcore/stream"
    text = run_apart(shown(address, headers))
    assert "Painéis da camada gold" in text
    assert "./lab up live" in text
    root = put_bronze(lab, "again")
    write_deltalake("s3://gold/vendas/gold_canary", pa.table({"categoria": ["a", "b"], "valor": [1.0, 2.0]}), storage_options=root)
    time.sleep(5)
    assert "gold_canary" in run_apart(shown(address, headers))


def test_the_dashboards_own_port_shows_nothing(lab):
    """Who goes around the login proxy is sent back to the hub, whatever they say about themselves."""
    address = f"ws://127.0.0.1:{lab.settings.ports.streamlit}/services/streamlit/_stcore/stream"
    for claimed in ({}, {"X-Dataflow-User": "professora", "X-Dataflow-Door": "guess"}):
        text = run_apart(shown(address, claimed))
        assert "Open this page from the hub" in text
        assert "gold_canary" not in text


def test_prefects_events_reach_staff_by_websocket(lab, rig):
    """The proxy logs in for them; a student is refused."""
    path = "/services/prefect/api/events/out"
    headers = {"Authorization": f"token {rig.token('professora')}"}
    assert json.loads(run_apart(first_message(lab, path, headers, "prefect"))) == {"type": "auth_success"}
    with pytest.raises(HTTPClientError, match="403"):
        run_apart(first_message(lab, path, {"Authorization": f"token {rig.token('ana')}"}, "prefect"))
    with pytest.raises(HTTPClientError, match="40[34]"):
        run_apart(first_message(lab, "/services/prefect/api/events/in", headers, "prefect"))


def test_a_students_sandbox_cannot_use_prefects_port(lab, rig):
    """Loopback is shared with the sandboxes: without the lab's login the API, its websockets and the login proxy give nothing."""
    rig.spawn("ana")
    kernel = rig.kernel("ana")
    ports = lab.settings.ports
    code = f"""
import json, os, urllib.request, urllib.error
def ask(port, path, method="GET", headers={{}}):
    request = urllib.request.Request(f"http://127.0.0.1:{{port}}{{path}}", b"{{}}" if method == "POST" else None,
                                     {{"Content-Type": "application/json", **headers}}, method=method)
    try:
        return urllib.request.urlopen(request, timeout=20).status
    except urllib.error.HTTPError as error:
        return error.code
mine = {{"Authorization": "token " + os.environ["JUPYTERHUB_API_TOKEN"]}}
print(ask({ports.prefect}, "/api/health"),
      ask({ports.prefect}, "/api/flows/filter", "POST"),
      ask({ports.prefect}, "/api/deployments/filter", "POST", {{"Authorization": "Basic bGFiOmxhYg=="}}),
      ask({ports.prefect}, "/api/admin/settings"),
      ask({ports.auth_proxy}, "/services/prefect/api/flows/filter", "POST", mine),
      ask({ports.auth_proxy}, "/services/prefect/api/flows/filter", "POST", {{"X-Dataflow-User": "professora"}}))
from websockets.sync.client import connect
for path in ("in", "out"):
    try:
        with connect(f"ws://127.0.0.1:{ports.prefect}/api/events/{{path}}", subprotocols=["prefect"]) as socket:
            socket.send(json.dumps({{"type": "auth", "token": "lab:guess"}}))
            print(socket.recv(timeout=20))
    except Exception as error:
        print("refused", type(error).__name__)
import pathlib
print([name for name in os.environ if "PREFECT" in name], [p for p in pathlib.Path("/").rglob("prefect-password")])
"""
    assert kernel.run(code, 120).splitlines() == [
        "200 401 401 401 403 403",
        "refused ConnectionClosedError",
        "refused ConnectionClosedError",
        "[] []",
    ]


def test_no_process_shows_the_login(lab):
    """The process list of the machine holds neither Prefect's login nor the dashboards' word or key."""
    names = ("prefect-password", "streamlit-door-word", "store-dashboards-key", "store-flows-key", "auth-proxy-cookie", "prefect-hub-token")
    values = [secrets.secret(lab.workspace, name) for name in names]
    shown_to_all = " ".join(" ".join(process.cmdline()) for process in members(lab_id(lab)))
    assert not [value for value in values if value in shown_to_all]


@pytest.mark.parametrize("name", ["prefect", "streamlit", "auth-proxy", "prefect-flows"])
def test_each_is_back_after_kill_9_and_nothing_is_lost(lab, rig, recorded, name):
    """Killed, it is back by itself; a recorded run is still there, the schedule too, and both pages answer."""
    before = {
        row["id"] for row in prefect(lab, "POST", "/flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}})[1]
    }
    assert recorded in before
    pid = next(row.pid for row in operations.status(lab) if row.name == name)
    os.kill(pid, signal.SIGKILL)
    end = time.monotonic() + 120
    while not ((row := next(row for row in operations.status(lab) if row.name == name)).healthy and row.pid != pid):
        assert time.monotonic() < end, row
        time.sleep(0.3)
    after = prefect(lab, "POST", "/flow_runs/filter", {"flow_runs": {"id": {"any_": sorted(before)}}})[1]
    assert {row["id"] for row in after} == before
    assert deployment(lab)["schedules"][0]["active"] is True
    token = rig.token("professora")
    assert rig.ask("/services/prefect/api/flows/count", token, "POST", {}) == (200, 1)
    request = urllib.request.Request(f"{lab.public_url}/services/streamlit/", headers={"Authorization": f"token {token}"})
    assert urllib.request.urlopen(request, timeout=30).status == 200


def test_a_run_asked_for_while_the_runner_is_dead_is_run_when_it_is_back(lab):
    """Nothing that was accepted is forgotten."""
    pid = next(row.pid for row in operations.status(lab) if row.name == "prefect-flows")
    os.kill(pid, signal.SIGKILL)
    run = prefect(lab, "POST", f"/deployments/{deployment(lab)['id']}/create_flow_run", {})[1]["id"]
    await_state(lab, run, "COMPLETED")


def test_who_loses_the_role_loses_the_page(lab):
    """Within seconds, without a restart: the hub tells, the proxy asks again."""
    teacher = browser(lab, "professora")
    assert follow(teacher, "/services/prefect/v2/")[0] == 200
    roster.set_role(lab, "medallion", "professora", "student")
    end = time.monotonic() + 90
    while follow(teacher, "/services/prefect/v2/")[0] != 403:
        assert time.monotonic() < end
        follow(teacher, "/hub/home")
        time.sleep(2)


def test_nothing_of_it_telephones_home(lab):
    """No address beyond this machine is ever contacted by any of them."""
    allowed = re.compile(r"127\.0\.0\.1|::1|::ffff:127\.0\.0\.1")
    for process in members(lab_id(lab)):
        for connection in process.net_connections(kind="inet"):
            assert not connection.raddr or allowed.fullmatch(connection.raddr.ip), (process.cmdline(), connection)
    assert object_store.admin_client(lab).bucket_exists("gold")
