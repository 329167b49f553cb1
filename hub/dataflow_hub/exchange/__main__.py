"""`python -m dataflow_hub.exchange`: the exchange service of this machine's lab, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal

from dataflow_hub.exchange.identity import HubIdentity
from dataflow_hub.exchange.service import Parts, make_server
from dataflow_hub.exchange.store import open_store
from dataflow_hub.logs import configure_logging, get_logger
from dataflow_hub.roster import Roster
from dataflow_hub.secrets import secret
from dataflow_hub.settings import load_lab

SCOPES = ("access:services", "access:services!service=exchange")


async def serve() -> None:
    """Serve on loopback until SIGTERM or SIGINT; uploads under way are answered first."""
    lab = load_lab()
    store = open_store(lab)
    log = get_logger("exchange")
    log.info("swept", folders=store.sweep())
    identity = HubIdentity(
        f"http://127.0.0.1:{lab.settings.ports.hub_api}/hub/api", secret(lab.workspace, "exchange-hub-token"), scopes=SCOPES
    )
    server = make_server(Parts(store=store, identity=identity, members=Roster(lab.workspace.data / "roster.sqlite")))
    server.listen(lab.settings.ports.exchange, address="127.0.0.1")
    log.info("listening", port=lab.settings.ports.exchange)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    server.stop()
    await server.close_all_connections()


if __name__ == "__main__":
    configure_logging()
    asyncio.run(serve())
