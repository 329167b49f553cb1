"""What a service is: data that every backend starts, watches and describes in its own way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

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

    def port_numbers(self, lab: Lab) -> dict[int, str]:
        """Give every port the service listens on, with the setting that moves it."""
        numbers: dict[int, str] = {}
        for setting in self.ports:
            first = int(getattr(lab.settings.ports, setting))
            numbers.update({first + offset: setting for offset in self.port_spans.get(setting, range(1))})
        return numbers


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
