"""What every backend does alike: start services in the order of what they depend on, wait until each answers, say how each is."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from dataflow_hub.errors import ServiceError
from dataflow_hub.services.catalogue import select
from dataflow_hub.services.model import Health, Report, Service, ServiceStatus
from dataflow_hub.settings import Lab

LIVE = frozenset({"STARTING", "RUNNING", "BACKOFF"})
_POLL_SECONDS = 0.1
_PATIENCE = 3  # failed starts in a row after which waiting longer tells nobody anything


@dataclass(frozen=True)
class Process:
    """What a backend knows of one service: `state` is a supervisor's word, `started` is seconds since 1970."""

    name: str
    state: str
    pid: int
    started: int
    detail: str


@dataclass(frozen=True)
class _Attempt:
    """When a service was told to start, and the processes that it was since."""

    since: float
    pids: set[int] = field(default_factory=set)


class Starter(Protocol):
    """A backend that can be asked to start services."""

    def processes(self) -> Mapping[str, Process]:
        """Give what is known of each service, by name."""

    def begin(self, names: Sequence[str]) -> None:
        """Start what is not running; wait for nothing."""

    def tail(self, name: str) -> str:
        """Give the last lines of a service's log."""


def start_by_readiness(starter: Starter, lab: Lab, services: Sequence[Service], report: Report) -> None:
    """Start each service as soon as all it depends on is healthy; independent ones start side by side.

    Raises
    ------
    ServiceError
        A service does not become healthy; its last log lines are in the message.
    """
    waiting, begun, ready = list(services), dict[str, _Attempt](), set[str]()
    names = {service.name for service in services}
    while waiting:
        now = [each.name for each in waiting if each.name not in begun and (set(each.depends_on) & names) <= ready]
        starter.begin(now)
        begun.update({name: _Attempt(time.monotonic()) for name in now})
        processes = starter.processes()
        for service in [each for each in waiting if each.name in begun]:
            process = processes.get(service.name) or Process(service.name, "STARTING", 0, 0, "")
            if _is_ready(starter, lab, service, process, begun[service.name]):
                service.settle(lab)
                ready.add(service.name)
                waiting.remove(service)
                report(f"{service.title} is ready ({time.monotonic() - begun[service.name].since:.1f} s)")
        time.sleep(_POLL_SECONDS)


def status(lab: Lab, services: Iterable[Service], processes: Mapping[str, Process]) -> list[ServiceStatus]:
    """Give how each of `services` is now."""
    usual = {service.name for service in select(())}
    return [_status(lab, service, processes.get(service.name), usual=service.name in usual) for service in services]


def _is_ready(starter: Starter, lab: Lab, service: Service, process: Process, attempt: _Attempt) -> bool:
    attempt.pids.add(process.pid)
    health = service.health(lab) if process.state in {"STARTING", "RUNNING"} else Health(ok=False, detail=process.detail)
    if health.ok:
        return True
    tried = len(attempt.pids - {0})
    if process.state == "FATAL" or tried > _PATIENCE or time.monotonic() - attempt.since > service.start_seconds:
        raise ServiceError(
            f"{service.title} does not start.",
            why=f"{health.detail or process.detail}\nThe end of its log:\n{starter.tail(service.name)}",
            fix=f"./lab logs {service.name}, then ./lab up again.",
        )
    return False


def _status(lab: Lab, service: Service, process: Process | None, *, usual: bool) -> ServiceStatus:
    alive = process is not None and process.state in {"STARTING", "RUNNING"}  # one that answers has started, whoever waits to see it live
    health = service.health(lab) if alive else Health(ok=False)
    since = datetime.fromtimestamp(process.started, UTC).isoformat(timespec="seconds") if process is not None and alive else ""
    return ServiceStatus(
        name=service.name,
        title=service.title,
        state="running" if health.ok else process.state.lower() if process is not None else "stopped",
        healthy=health.ok,
        since=since,
        pid=process.pid if process is not None else 0,
        ports=tuple(service.port_numbers(lab)),
        detail=health.detail or (process.detail if process is not None and not alive else ""),
        wanted=usual or (process is not None and process.state != "STOPPED"),
    )
