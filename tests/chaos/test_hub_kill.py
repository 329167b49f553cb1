"""kill -9 of hub and proxy while kernels run: they keep their state, and the front door is back by itself."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.integration import server_hub

if TYPE_CHECKING:
    from collections.abc import Iterator


pytestmark = pytest.mark.chaos
_BACK_SECONDS = 30  # the budget is 15 s on an idle machine; a shared one takes longer to import the hub


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with server_hub.running_hub(tmp_path_factory.mktemp("hub") / "state") as running:
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
            is_server = b"jupyterhub.singleuser" in (folder / "cmdline").read_bytes() and b"bwrap" not in (folder / "cmdline").read_bytes()
            environ = (folder / "environ").read_bytes()
        except OSError:
            continue
        found += is_server and f"/user/{user}/".encode() in environ and str(rig.lab.settings.ports.hub_api).encode() in environ
    return found
