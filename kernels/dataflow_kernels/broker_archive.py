"""The broker's class-data archive: made by one training run, it takes almost half off the work of each start."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from dataflow_kernels import broker
from dataflow_kernels.local_broker import answers, free_ports

_START_SECONDS, _EXIT_SECONDS = 180.0, 60.0


def build(java_home: Path, jars: Path, report: Callable[[str], None]) -> None:
    """Make the archive beside the jars, unless it is there; the JVM ignores one that is of other jars.

    A broker works without one, only slower: when the training run fails, that is reported and no more.
    """
    if broker.archive(jars).is_file():
        return
    report("Training the broker's JVM once, for a class-data archive.")
    with tempfile.TemporaryDirectory(prefix="kafka-training-") as scratch:
        made = Path(scratch) / "made.jsa"
        _train(java_home, jars, Path(scratch), made)
        if not made.is_file():
            report("No class-data archive: the training run left none. Kafka works, and starts more slowly.")
            return
        partial = broker.archive(jars).with_suffix(".partial")
        partial.write_bytes(made.read_bytes())
        partial.chmod(0o644)
        partial.replace(broker.archive(jars))


def _train(java_home: Path, jars: Path, scratch: Path, output: Path) -> None:
    """Start a broker, ask it something, and let it end in good order, which is when the JVM writes."""
    port, controller_port = free_ports()
    values, config = broker.properties(scratch / "log", port, controller_port), scratch / "server.properties"
    config.write_text(broker.render(values), encoding="ascii")
    broker.format_storage(java_home, jars, values)
    java, *rest = broker.command(java_home, jars, "kafka.Kafka", str(config))
    with subprocess.Popen(
        [java, f"-XX:ArchiveClassesAtExit={output}", *rest], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as program:
        answers(f"127.0.0.1:{port}", lambda: program.poll() is None, _START_SECONDS)
        program.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            program.wait(_EXIT_SECONDS)
        program.kill()
