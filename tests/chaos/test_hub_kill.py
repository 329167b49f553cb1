"""kill -9 of hub and proxy while kernels run: they keep their state, and the front door is back by itself."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.integration import server_hub

if TYPE_CHECKING:
    from collections.abc import Iterator


pytestmark = pytest.mark.chaos
_BACK_SECONDS = 30  # the budget is 15 s on an idle machine; a shared one takes longer to import the hub


@pytest.fixture(scope="module", params=["bubblewrap", "docker"])
def rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    images = request.getfixturevalue("images") if request.param == "docker" else {}
    with server_hub.running_hub(tmp_path_factory.mktemp("hub") / "state", images=images) as running:
        running.spawn("ana")
        yield running


def test_a_running_cell_survives_the_hub(rig: Any) -> None:
    """The hub is killed in the middle of a cell: the cell goes on, the kernel keeps its variables, no second server appears."""
    kernel = rig.kernel("ana")
    kernel.run("import os; kept = 'kept'; pid = os.getpid()")
    results: list[str] = []
    cell = threading.Thread(target=lambda: results.append(kernel.run("import time; time.sleep(6); print(kept, os.getpid() == pid)")))
    cell.start()
    before = rig.hub("GET", "users/ana")[1]["servers"][""]["state"]
    rig.kill("hub")
    rig.start("hub")
    seconds = rig.wait_healthy()
    cell.join(60)
    assert results == ["kept True\n"]
    assert seconds < _BACK_SECONDS
    server = rig.hub("GET", "users/ana")[1]["servers"][""]
    assert (server["ready"], server["state"]) == (True, before)


def test_routes_come_back_with_the_proxy(rig: Any) -> None:
    """The proxy is killed and started again: the kernel is where it was, with no word from the hub."""
    kernel = rig.kernel("ana")
    kernel.run("kept = 'still here'")
    rig.kill("proxy")
    rig.start("proxy")
    assert rig.wait_healthy() < _BACK_SECONDS
    assert kernel.run("print(kept)") == "still here\n"


def test_servers_are_where_they_were_after_the_gate_died(rig: Any) -> None:
    """The gate of containers is killed and started again: the same door leads to the same kernel, and the hub is heard again."""
    if "gate" not in rig.processes:
        return  # sandboxes have none
    kernel = rig.kernel("ana")
    kernel.run("kept = 'still here'")
    rig.kill("gate")
    rig.start("gate")
    deadline = time.monotonic() + _BACK_SECONDS
    while not (rig.lab.workspace.run / "gate" / "control.sock").exists() or rig.ask("/user/ana/api", rig.token("ana"))[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert kernel.run("print(kept)") == "still here\n"
    ask = "import os, urllib.request as u; print(u.urlopen(os.environ['JUPYTERHUB_API_URL'] + '/').status)"
    assert kernel.run(ask) == "200\n"


def test_a_spawn_cut_short_by_the_hubs_death_can_be_made_again(rig: Any) -> None:
    """The hub dies while a server starts: afterwards the student gets one server, and one only."""
    rig.hub("POST", "users/bruno")
    rig.hub("POST", "users/bruno/server")
    rig.kill("hub")
    rig.start("hub")
    rig.wait_healthy()
    rig.spawn("bruno")
    assert rig.kernel("bruno").run("print(1)") == "1\n"
    assert _launchers(rig, "bruno") == 1


def _launchers(rig: Any, user: str) -> int:
    """Count the student's single-user servers, as the host sees them."""
    found = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            is_server = words[1:2] == [b"-c"] and b"jupyterhub.singleuser" in words[2]  # not what was started around it
            environ = (folder / "environ").read_bytes()
        except OSError:
            continue
        found += is_server and f"/user/{user}/".encode() in environ and str(rig.lab.settings.ports.hub_api).encode() in environ
    return found
