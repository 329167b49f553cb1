"""What a service is: data that every backend starts, watches and describes in its own way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from dataflow_hub.settings import Lab

Report = Callable[[str], None]


@dataclass(frozen=True)
class Health:
    """Whether a service answers, and what it said when it does not."""

    ok: bool
    detail: str = ""


def _no_environment(_lab: Lab) -> dict[str, str]:
    return {}


def _nothing(_lab: Lab) -> None:
    return None


def _nothing_to_install(_lab: Lab, _report: Report) -> None:
    return None


def _run_folder(lab: Lab) -> Path:
    return lab.workspace.run


@dataclass(frozen=True)
class Container:
    """What a service's container may use of the machine and of the lab, beside its secrets and the lab's code.

    `group` names its compose file. `writes` and `reads` are files and folders of the state folder; "" is all of it. `checkout` are
    folders of the checkout beside the code. `socket` gives it the Docker engine's.
    """

    group: str
    memory_mib: int
    writes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    checkout: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    socket: bool = False


@dataclass(frozen=True)
class Service:
    """One entry of the catalogue.

    `ports` names settings under `[ports]`, and `port_spans` which offsets from it are meant where it is not just the port itself.
    `install` fetches what the environment does not bring when the service is first wanted, `prepare` renders configuration before
    each start, `settle` runs once the service is healthy (make buckets); all are idempotent. No secret may appear in `command`:
    they go by `environment` or through files with mode 0600.
    """

    name: str
    group: str
    title: str
    ports: tuple[str, ...]
    command: Callable[[Lab], list[str]]
    health: Callable[[Lab], Health]
    container: Container
    depends_on: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    environment: Callable[[Lab], Mapping[str, str]] = _no_environment
    directory: Callable[[Lab], Path] = _run_folder
    install: Callable[[Lab, Report], None] = _nothing_to_install
    prepare: Callable[[Lab], None] = _nothing
    settle: Callable[[Lab], None] = _nothing
    port_spans: Mapping[str, range] = field(default_factory=dict)
    start_seconds: int = 180  # a laptop under load: failures are told by the process dying, not by this
    stop_seconds: int = 10
    death_signal: str = "TERM"
    web_page: Callable[[Lab], str] | None = None
    in_all: bool = True  # of what `./lab up all` means

    def port_numbers(self, lab: Lab) -> dict[int, str]:
        """Give every port the service listens on, with the setting that moves it."""
        numbers: dict[int, str] = {}
        for setting in self.ports:
            first = int(getattr(lab.settings.ports, setting))
            numbers.update({first + offset: setting for offset in self.port_spans.get(setting, range(1))})
        return numbers


class Backend(Protocol):
    """What runs services: a module, or anything with these functions. What each must do is in `tests/contract`."""

    def start(self, lab: Lab, services: Sequence[Service], report: Report) -> None:
        """Start `services` and wait until each is healthy; those that are healthy already stay as they are."""

    def stop(self, lab: Lab, report: Report) -> int:
        """Stop everything; give how many leftovers had to be ended."""

    def restart(self, lab: Lab, service: Service, report: Report) -> None:
        """Stop and start one service with its configuration rendered anew."""

    def status(self, lab: Lab, services: Iterable[Service]) -> list[ServiceStatus]:
        """Give how each of `services` is now."""


@dataclass(frozen=True)
class ServiceStatus:
    """How one service is now: `state` is the supervisor's word, `healthy` the service's own answer.

    One that is not `wanted` is of a group that nobody asked for, and is missed by nobody.
    """

    name: str
    title: str
    state: str
    healthy: bool
    since: str
    pid: int
    ports: tuple[int, ...]
    detail: str
    wanted: bool = True
