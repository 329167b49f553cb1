"""One real lab for the whole test session, with its own state folder and ports; started when a test first needs it."""

from __future__ import annotations

import dataclasses
import functools
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dataflow_hub.settings import Lab

NOTEBOOK_USER = "notebooks"
_started: list[Lab] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all-mutants", action="store_true", help="try every lesson's every mutant, not the third whose turn it is today")


def pytest_configure() -> None:
    from tests.scheduling import day_of_run

    day_of_run()  # before there are workers: they inherit it


@pytest.hookimpl(optionalhook=True)  # where xdist is switched off
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from tests.scheduling import ByFileOrLesson

    return ByFileOrLesson(config, log)


def free_ports(count: int) -> int:
    """Give the first of `count` neighbouring ports of loopback that nothing listens on."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))  # two workers look at the same time
    for first in range(20000 + 4000 * worker + os.getpid() % 1000, 24000 + 4000 * worker, count):
        if all(is_free(port) for port in range(first, first + count)):
            return first
    message = "no free block of ports"
    raise RuntimeError(message)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def scratch_environment(state: Path) -> dict[str, str]:
    """Give the settings of a lab beside the user's own: other folders, other ports, the same jars."""
    from dataflow_hub.workspace import CHECKOUT

    first = free_ports(30)
    names = ("hub", "hub_api", "proxy_api", "exchange", "s3", "s3_console", "mlflow")
    ports = {name: first + offset for offset, name in enumerate(names)} | {"formgrader": first + 8, "store_internal": first + 16}
    ports |= {"kafka": first + 24, "kafka_controller": first + 25, "auth_proxy": first + 26, "prefect": first + 27, "streamlit": first + 28}
    cache = os.environ.get("DATAFLOW_CACHE", str(CHECKOUT / ".dataflow" / "cache"))
    return {
        "DATAFLOW_STATE": str(state),
        "DATAFLOW_CACHE": cache,
        **{f"DATAFLOW__PORTS__{name.upper()}": str(port) for name, port in ports.items()},
    }


@functools.cache
def start_lab() -> Lab:
    from dataflow_hub.operations import lab as operations
    from dataflow_hub.settings import load_lab

    state = Path(tempfile.mkdtemp(prefix="dataflow-test-"))
    state.chmod(0o711)
    # The command line and the services that tests start read the same settings.
    os.environ.update(scratch_environment(state))
    lab = load_lab()
    _started.append(lab)
    operations.up(lab, lambda line: sys.stderr.write(f"{line}\n"))
    return lab


@functools.cache
def notebook_environment() -> dict[str, str]:
    """Give notebooks what a student's server gives: the same function makes both."""
    from dataflow_hub.operations import lessons, roster
    from dataflow_hub.server import accounts

    lab = start_lab()
    roster.add(lab, "medallion", NOTEBOOK_USER, "Notebooks", "student", "en")
    jars = str(lab.workspace.kafka_jars) if lab.workspace.kafka_jars.is_dir() else ""
    env = dataclasses.replace(accounts.provision(lab, NOTEBOOK_USER), kafka_jars_dir=jars)  # core has no Kafka: each kernel brings its own
    for lesson in lessons.find_all(lab):
        data = lesson.data
        accounts.put_data(lab, NOTEBOOK_USER, lesson.course, lesson.name, generator=data.generator, size=data.visible_size)
    return {**env.to_environ(), "JUPYTER_PATH": str(lab.workspace.cache / "kernels")}


@pytest.fixture(scope="session")
def running_lab() -> Iterator[Lab]:
    """Give a started lab: every core service healthy."""
    return start_lab()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Give a notebook a student's environment, and take it away again: tests after it on the same worker are no students."""
    if type(item).__name__ != "NotebookItem":
        return (yield)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in notebook_environment().items():
            patch.setenv(name, value)
        return (yield)


def pytest_sessionfinish() -> None:
    """End the lab here and no later: a worker that has said goodbye is killed after some seconds, and what it started stays."""
    if not _started:
        return
    from dataflow_hub.operations import lab as operations

    lab = _started.pop()
    operations.down(lab, lambda _: None)
    if not os.environ.get("DATAFLOW_KEEP"):
        shutil.rmtree(lab.workspace.state, ignore_errors=True)
