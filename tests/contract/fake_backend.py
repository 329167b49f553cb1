"""A backend in memory, for tests of what stands above backends: it keeps the same rules (`test_backends.py`) and starts nothing."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from dataflow_hub.errors import ServiceError
from dataflow_hub.services.model import Health, Report, Service, ServiceStatus
from dataflow_hub.services.ports import require_free
from dataflow_hub.services.readiness import Process
from dataflow_hub.services.readiness import status as status_of
from dataflow_hub.settings import Lab


@dataclass
class FakeBackend:
    """Services that only say they run; those in `broken` never become healthy."""

    broken: frozenset[str] = frozenset()
    running: dict[str, Process] = field(default_factory=dict)
    _pids: Iterable[int] = field(default_factory=lambda: itertools.count(100_000))

    def start(self, lab: Lab, services: Sequence[Service], report: Report) -> None:
        require_free(lab, [service for service in services if service.name not in self.running])
        for service in (each for each in services if each.name not in self.running):
            if service.name in self.broken:
                raise ServiceError(f"{service.title} does not start.", why="It is broken.", fix=f"./lab logs {service.name}")
            self.running[service.name] = Process(service.name, "RUNNING", next(iter(self._pids)), int(time.time()), "")
            report(f"{service.title} is ready (0.0 s)")

    def stop(self, lab: Lab, report: Report) -> int:
        for name in reversed([*self.running]):
            report(f"{name} stopped (0.0 s)")
        self.running.clear()
        return 0

    def restart(self, lab: Lab, service: Service, report: Report) -> None:
        if not self.running:
            raise ServiceError("The lab is not running.", fix="./lab up")
        self.running.pop(service.name, None)
        self.start(lab, [service], report)

    def status(self, lab: Lab, services: Iterable[Service]) -> list[ServiceStatus]:
        return status_of(lab, [_always_well(service) for service in services], self.running)

    def kill(self, name: str) -> None:
        """Do what a supervisor does when a process dies: start it again, as another one."""
        old = self.running[name]
        self.running[name] = Process(name, old.state, next(iter(self._pids)), int(time.time()), "")


def _always_well(service: Service) -> Service:
    return replace(service, health=lambda _lab: Health(ok=True))
