"""A Kafka broker of one node (KRaft): its settings, its command and its first format.

The lab's service and the broker that a notebook brings along differ in who may do what, and in nothing that is here.
"""

from __future__ import annotations

import subprocess
import tempfile
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path

from dataflow_kernels.errors import InstallFailed

CLIENTS, CONTROLLER = "CLIENTS", "CONTROLLER"
_FORMAT_TIMEOUT_SECONDS = 180
_FORMATTED = "meta.properties"


def properties(folder: Path, port: int, controller_port: int) -> dict[str, str]:
    """Give the settings of a broker that keeps its data in `folder` and listens on loopback only; in plain text, for anybody.

    acks=all means here: in the system's page cache, which outlives a killed broker. A power cut is another matter, so
    everything is written to the disk once a second; for every message it would cost a lesson's whole speed.
    """
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"{CLIENTS}://127.0.0.1:{port},{CONTROLLER}://127.0.0.1:{controller_port}",
        "advertised.listeners": f"{CLIENTS}://127.0.0.1:{port}",
        "listener.security.protocol.map": f"{CLIENTS}:PLAINTEXT,{CONTROLLER}:PLAINTEXT",
        "controller.listener.names": CONTROLLER,
        "inter.broker.listener.name": CLIENTS,
        "log.dirs": str(folder),
        "log.flush.interval.ms": "1000",
        "log.flush.scheduler.interval.ms": "1000",
        "log.segment.bytes": "16777216",
        "log.cleaner.dedupe.buffer.size": "16777216",  # the default of 128 MiB is half of our heap
        "auto.create.topics.enable": "false",  # a typing error is an error, not a new topic
        "group.initial.rebalance.delay.ms": "0",
        **_alone(),
        **_few_threads(),
    }


def _alone() -> dict[str, str]:
    internal = {"offsets.topic": "", "transaction.state.log": "", "share.coordinator.state.topic": ""}
    copies = {f"{name}.replication.factor": "1" for name in internal}
    partitions = {f"{name}.num.partitions": "4" for name in internal}
    smallest = {"transaction.state.log.min.isr": "1", "share.coordinator.state.topic.min.isr": "1", "min.insync.replicas": "1"}
    return {"default.replication.factor": "1", "num.partitions": "1", **copies, **partitions, **smallest}


def _few_threads() -> dict[str, str]:
    pools = ("num.network.threads", "num.io.threads", "background.threads")
    return {**dict.fromkeys(pools, "2"), "num.recovery.threads.per.data.dir": "1", "log.cleaner.threads": "1", "num.replica.fetchers": "1"}


def render(values: Mapping[str, str]) -> str:
    """Write a `.properties` file, which Java reads as Latin-1 with backslash as its escape."""
    return "".join(f"{key}={_escaped(value)}\n" for key, value in values.items())


def _escaped(value: str) -> str:
    if "\n" in value or "\r" in value:
        message = "a setting of the broker holds a line break"
        raise ValueError(message)
    units = (int.from_bytes(pair, "big") for pair in _pairs(value.replace("\\", "\\\\").encode("utf-16-be")))
    return "".join(chr(unit) if unit < 128 else f"\\u{unit:04x}" for unit in units)  # noqa: PLR2004 - the end of ASCII


def _pairs(data: bytes) -> list[bytes]:
    return [data[index : index + 2] for index in range(0, len(data), 2)]


def command(java_home: Path, jars: Path, *arguments: str, heap_mib: int = 256) -> list[str]:
    """Give the argv that runs a main class of `jars`: `command(java, jars, "kafka.Kafka", "server.properties")`."""
    memory = [f"-Xmx{heap_mib}m", "-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"]
    if archive(jars).is_file():
        memory.append(f"-XX:SharedArchiveFile={archive(jars)}")
    log4j = Path(__file__).with_name("log4j2.properties")
    behaviour = ["-XX:+ExitOnOutOfMemoryError", "-Djava.net.preferIPv4Stack=true", f"-Dlog4j2.configurationFile={log4j}"]
    return [str(java_home / "bin" / "java"), *memory, *behaviour, "-cp", f"{jars}/*", *arguments]


def archive(jars: Path) -> Path:
    """Give where the JVM's class-data archive for these jars is, once it is made."""
    return jars / "broker.jsa"


def format_storage(java_home: Path, jars: Path, values: Mapping[str, str], arguments: Sequence[str] = ()) -> None:
    """Write KRaft's first records into the folder of `log.dirs`, whole or not at all; one that has them is left alone.

    `arguments` go to the formatter through a file: they may hold a password, and every user reads a process list.

    Raises
    ------
    InstallFailed
        The formatter refused; with what it said.
    """
    folder = Path(values["log.dirs"])
    if (folder / _FORMATTED).is_file():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".format-", dir=folder.parent) as scratch:
        staged, config, options = Path(scratch) / "log", Path(scratch) / "server.properties", Path(scratch) / "arguments"
        config.write_text(render({**values, "log.dirs": str(staged)}), encoding="ascii")
        lines = ["format", f"--cluster-id={_cluster_id()}", f"--config={config}", *arguments]
        options.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        argv = command(java_home, jars, "kafka.tools.StorageTool", f"@{options}")
        try:
            done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=_FORMAT_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise InstallFailed("Kafka's storage was not ready in three minutes.", fix="Try again on a less busy machine.") from error
        if done.returncode != 0 or not (staged / _FORMATTED).is_file():
            # standard output shows the credentials' salted forms, so only the errors are told
            raise InstallFailed("Kafka's storage could not be formatted.", why=done.stderr.strip()[-400:], fix="Run it again.")
        staged.chmod(0o700)
        staged.rename(folder)


def _cluster_id() -> str:
    return urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
