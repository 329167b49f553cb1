"""What can be asked whether it answers: the lab's services, out of the catalogue, and the upstream ones with a page for that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dataflow_hub.services.catalogue import CATALOGUE
from dataflow_hub.services.health import Probe
from dataflow_hub.services.model import Service
from dataflow_hub.services.upstream.model import Ports
from dataflow_hub.services.upstream.table import UPSTREAM
from dataflow_hub.settings import Lab


@dataclass(frozen=True)
class Endpoint:
    """Where a service answers: `target` is a URL, or host and port where being open is all that can be asked without a login."""

    service: str
    group: str
    port: int
    target: str

    @property
    def http(self) -> bool:
        """Whether it is asked by HTTP."""
        return "://" in self.target


def endpoints(lab: Lab, ports: Ports) -> list[Endpoint]:
    """Give them all. A service without a port (a runner, a gate on a socket) has none: `./lab status` tells of it."""
    return [*_own(lab), *_upstream(ports)]


def _own(lab: Lab) -> Iterable[Endpoint]:
    for service in CATALOGUE:
        probe = _probe(service)
        if probe is not None:
            yield Endpoint(service.name, service.container.group, probe.number(lab), probe.target(lab))


def _probe(service: Service) -> Probe | None:
    if isinstance(service.health, Probe):
        return service.health
    return Probe(service.ports[0]) if service.ports else None


def _upstream(ports: Ports) -> Iterable[Endpoint]:
    for service in UPSTREAM:
        if service.page:
            port = ports[service.ports[0].variable]
            yield Endpoint(service.name, service.group, port, f"http://127.0.0.1:{port}{service.page}")
