"""A broker of the kernel's own, for runs to which no Kafka server belongs: on loopback, in plain text, gone with the kernel."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dataflow_kernels import broker
from dataflow_kernels.environ import LabEnv
from dataflow_kernels.errors import BrokerMissing

_START_SECONDS = 90.0
_POLL_SECONDS = 0.2
_DEAD_SECONDS, _LOOK_SECONDS = 10.0, 0.02
_HEAP_MIB = 192
# Nothing is to outlive a power cut; and the controller takes a killed broker back when this much time has passed.
_FOR_ONE_KERNEL = {
    "log.flush.interval.ms": "9223372036854775807",
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "400",
}


@dataclass
class LocalBroker:
    """A started broker. It ends when its keeper's standard input closes: with this process, however that ends."""

    keeper: subprocess.Popen[bytes]
    bootstrap: str
    folder: Path

    def stop(self) -> None:
        """End it, and remove what it kept."""
        if self.keeper.stdin is not None:
            self.keeper.stdin.close()
        self.keeper.wait()

    def restart(self, away_seconds: float = 0.0) -> None:
        """Kill it as a power cut would, and start it again on the same data `away_seconds` later; return as soon as it is dead."""
        assert self.keeper.stdin is not None
        self.keeper.stdin.write(f"{away_seconds}\n".encode())
        self.keeper.stdin.flush()
        end = time.monotonic() + _DEAD_SECONDS
        while self._listens() and time.monotonic() < end:
            time.sleep(_LOOK_SECONDS)

    def _listens(self) -> bool:
        host, port = self.bootstrap.split(":")
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            return False
        return True


def start(env: LabEnv) -> LocalBroker:
    """Start a broker and wait until it answers.

    Raises
    ------
    BrokerMissing
        This run has neither a Kafka server nor the jars for one, or the broker did not start.
    """
    jars = Path(env.kafka_jars_dir)
    if not env.kafka_jars_dir or not jars.is_dir() or not env.java_home:
        raise BrokerMissing(
            "No Kafka belongs to this run.",
            why="Kafka was not running when your server was started, or this run has no services at all.",
            fix="Ask your instructor for Kafka (`./lab up streaming`), then stop and start your server.",
        )
    folder = Path(tempfile.mkdtemp(prefix="kafka-"))
    port, controller_port = free_ports()
    values = broker.properties(folder / "log", port, controller_port) | _FOR_ONE_KERNEL
    (folder / "server.properties").write_text(broker.render(values), encoding="ascii")
    java = Path(env.java_home)
    try:
        broker.format_storage(java, jars, values)
        argv = broker.command(java, jars, "kafka.Kafka", str(folder / "server.properties"), heap_mib=_HEAP_MIB)
        keeper = _keep(folder, argv)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    started = LocalBroker(keeper, f"127.0.0.1:{port}", folder)
    _await(started)
    return started


def _keep(folder: Path, argv: list[str]) -> subprocess.Popen[bytes]:
    keeper = [sys.executable, "-I", "-S", str(Path(__file__).with_name("keeper.py")), str(folder), *argv]
    with os.fdopen(os.open(folder / "broker.log", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as log:
        # a session of its own: "interrupt kernel" goes to the whole group
        return subprocess.Popen(keeper, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=folder, start_new_session=True)


def _await(started: LocalBroker) -> None:
    if answers(started.bootstrap, lambda: started.keeper.poll() is None, _START_SECONDS):
        return
    words = _last_words(started.folder / "broker.log")
    started.stop()
    raise BrokerMissing("The kernel's own Kafka did not start.", why=words, fix="Shut down other kernels, then run the cell again.")


def answers(bootstrap: str, alive: Callable[[], bool], seconds: float) -> bool:
    """Wait until a broker answers; False when it is not `alive` any more, or did not within so many seconds."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0, "reconnect.backoff.max.ms": 200})
    end = time.monotonic() + seconds
    while alive() and time.monotonic() < end:
        try:
            client.list_topics(timeout=1)
        except KafkaException:
            time.sleep(_POLL_SECONDS)
        else:
            return True
    return False


def _last_words(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return " | ".join(lines[-3:]) or "it left no message"


def free_ports() -> tuple[int, int]:
    """Give two ports that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        return one.getsockname()[1], two.getsockname()[1]
