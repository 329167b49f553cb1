"""Idle servers are stopped, to give the machine back to the class; one with a running cell is not idle, however quiet."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.integration import server_hub

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.integration
_SILENT_SECONDS = 100  # longer than the minute after which the hub takes a server for idle
_OFTEN = 'c.LabSpawner.environment = {"JUPYTERHUB_ACTIVITY_INTERVAL": "5"}\n'  # a server tells of its activity every 5 minutes else


@pytest.fixture
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    state = tmp_path_factory.mktemp("culling") / "state"
    (state / "jupyterhub_config.d").mkdir(parents=True)
    (state / "jupyterhub_config.d" / "often.py").write_text(_OFTEN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "DATAFLOW__SANDBOX__IDLE_MINUTES", "1")
        with server_hub.running_hub(state) as running:
            yield running


def test_an_idle_server_is_stopped_and_a_quiet_running_cell_goes_on(rig: Any) -> None:
    """Bruno did nothing for a minute; Ana's cell has printed nothing for longer, and ends as it should."""
    rig.spawn("ana")
    rig.spawn("bruno")
    kernel = rig.kernel("ana")
    said: list[str] = []
    cell = threading.Thread(target=lambda: said.append(kernel.run(f"import time; time.sleep({_SILENT_SECONDS}); print('done')", 200)))
    cell.start()
    began = time.monotonic()
    while rig.runs("bruno") and time.monotonic() - began < _SILENT_SECONDS:
        time.sleep(1)
    assert not rig.runs("bruno")
    cell.join()
    assert said == ["done\n"]
    assert rig.runs("ana")
