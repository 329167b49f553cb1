"""The gate: bytes pass both ways, doors survive a restart, and a student's link leads nowhere."""

import asyncio
import socket
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.loops import run_apart

from dataflow_hub.containers import gate
from dataflow_hub.errors import ServiceError
from dataflow_hub.services.catalogue import gate_health
from dataflow_kernels.relay import offer_services, open_door


@pytest.fixture
def folder(tmp_path_factory):
    """A short path: a socket's has at most 107 characters."""
    return tmp_path_factory.mktemp("gate")


@pytest.fixture
def ports():
    """A port for each service; only the exchange's will have somebody listening."""
    return {name: free_port() for name in gate.SERVICES}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


async def echo(reader, writer):
    """Answer with what came, once the other side has said all."""
    writer.write(b"you said " + await reader.read())
    await writer.drain()
    writer.close()


async def say(port, text):
    return await heard(*await asyncio.open_connection("127.0.0.1", port), text)


async def heard(reader, writer, text):
    """Say `text` and give the answer; b"" when the other side hung up."""
    try:
        writer.write(text)
        writer.write_eof()
        return await asyncio.wait_for(reader.read(), 5)
    except ConnectionError:
        return b""
    finally:
        writer.close()


@asynccontextmanager
async def gate_of(folder, ports):
    running = gate.Gate(folder, ports)
    await running.open()
    yield
    running.close()
    await asyncio.sleep(0.05)  # connections that are being carried end


@asynccontextmanager
async def closing(*servers):
    yield
    for server in servers:
        server.close()


def ask(folder, **request):
    return asyncio.to_thread(gate.ask, folder, request)


def test_services_are_offered_as_sockets_and_no_others(folder, ports):
    """A container sees one socket for each service that students may reach: the proxy's own API is not among them."""

    async def scene():
        service = await asyncio.start_server(echo, "127.0.0.1", ports["exchange"])
        async with gate_of(folder, ports | {"proxy_api": 1}), closing(service):
            assert {path.stem for path in (folder / "services").iterdir()} == {str(port) for port in ports.values()}
            return await heard(*await asyncio.open_unix_connection(folder / "services" / f"{ports['exchange']}.sock"), b"hello")

    assert run_apart(scene()) == b"you said hello"


def test_a_service_that_is_down_closes_the_connection(folder, ports):
    """A client sees the end of its connection at once, not silence."""

    async def scene():
        async with gate_of(folder, ports):
            return await heard(*await asyncio.open_unix_connection(folder / "services" / f"{ports['s3']}.sock"), b"")

    assert run_apart(scene()) == b""


def test_relay_offers_each_socket_at_the_port_of_its_name(folder):
    """In the container, a service is at the same port of loopback as everywhere."""
    port = free_port()

    async def scene():
        service = await asyncio.start_unix_server(echo, folder / f"{port}.sock")
        async with closing(service, *await offer_services(folder)):
            return await say(port, b"a" * 300_000)

    assert run_apart(scene()) == b"you said " + b"a" * 300_000


def test_door_leads_to_the_students_server(folder, ports):
    """What the proxy sends to the door's port reaches the server behind the socket, and the answer comes back."""
    port = free_port()

    async def scene():
        async with gate_of(folder, ports):
            (folder / "doors" / "ana").mkdir()
            server = await asyncio.start_server(echo, "127.0.0.1", port)
            async with closing(server, await open_door(folder / "doors" / "ana" / gate.DOOR, port)):
                door = await ask(folder, open="ana")
                assert await ask(folder, open="ana") == door
                return await say(door, b"hello")

    assert run_apart(scene()) == b"you said hello"


def test_doors_are_at_the_same_ports_after_a_restart(folder, ports):
    """The hub wrote the port down; a gate that was killed comes back to it."""

    async def scene():
        async with gate_of(folder, ports):
            return await ask(folder, open="ana")

    assert run_apart(scene()) == run_apart(scene())


def test_a_closed_door_answers_nobody(folder, ports):
    """Once a server has stopped, its port is nobody's."""

    async def scene():
        async with gate_of(folder, ports):
            port = await ask(folder, open="ana")
            assert await ask(folder, close="ana") == port
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)

    run_apart(scene())


@pytest.mark.parametrize("bait", ["link", "file", "folder"])
def test_a_student_cannot_turn_their_door_elsewhere(folder, ports, bait):
    """The student owns the folder of the door: a link from it to a socket of the host leads nowhere."""

    async def scene():
        secret = await asyncio.start_unix_server(echo, folder / "secret.sock")
        async with gate_of(folder, ports), closing(secret):
            place = folder / "doors" / "eve"
            place.mkdir()
            _lay(bait, place / gate.DOOR, folder / "secret.sock")
            return await say(await ask(folder, open="eve"), b"who is there")

    assert run_apart(scene()) == b""


def _lay(bait: str, door: Path, target: Path) -> None:
    if bait == "link":
        door.symlink_to(target)
    elif bait == "file":
        door.write_text("not a socket")
    else:
        door.mkdir()


@pytest.mark.parametrize("user", ["../other", "", "a/b", "Ana"])
def test_a_name_that_is_no_account_opens_nothing(folder, ports, user):
    """A name becomes a folder's: it may not climb out."""

    async def scene():
        async with gate_of(folder, ports):
            with pytest.raises(ServiceError, match="refused"):
                await ask(folder, open=user)

    run_apart(scene())


def test_looking_at_the_gates_health_closed_the_door_of_a_student_called_nobody(tmp_path_factory, ports):
    """A probe changes nothing, whatever people are called."""
    run = tmp_path_factory.mktemp("run")
    lab = SimpleNamespace(workspace=SimpleNamespace(run=run))

    async def scene():
        async with gate_of(run / "gate", ports):
            door = await ask(run / "gate", open="nobody")
            assert (await asyncio.to_thread(gate_health, lab)).ok
            (await asyncio.open_connection("127.0.0.1", door))[1].close()

    run_apart(scene())


def test_a_gate_that_is_not_there_is_named(folder):
    """The spawn page says which service is missing and what to do."""
    with pytest.raises(ServiceError, match="does not answer"):
        gate.ask(folder, {"open": "ana"})
