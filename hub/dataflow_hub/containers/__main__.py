"""`python -m dataflow_hub.containers gate` or `… api`: what stands between containers and this machine, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import sys

from dataflow_hub.containers import api
from dataflow_hub.containers.gate import Gate
from dataflow_hub.logs import configure_logging
from dataflow_hub.settings import Lab, load_lab


async def serve_gate(lab: Lab) -> None:
    """Carry connections between students' containers and the services."""
    gate = Gate(lab.workspace.run / "gate", lab.settings.ports.model_dump())
    await gate.open()
    await _told_to_stop()
    gate.close()


async def serve_api(lab: Lab) -> None:
    """Pass on what the hub may ask of the Docker engine."""
    server = api.make_server(lab)
    await _told_to_stop()
    server.stop()


async def _told_to_stop() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


if __name__ == "__main__":
    configure_logging()
    asyncio.run({"gate": serve_gate, "api": serve_api}[sys.argv[1]](load_lab()))
