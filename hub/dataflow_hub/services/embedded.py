"""The embedded backend: services are children of one supervisor, which outlives the terminal and never leaves orphans."""

from __future__ import annotations

import contextlib
import http.client
import secrets as entropy
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psutil

from dataflow_hub.errors import ServiceError
from dataflow_hub.secrets import lab_id
from dataflow_hub.services import supervisor_conf
from dataflow_hub.services.catalogue import CATALOGUE, in_order
from dataflow_hub.services.family import sweep
from dataflow_hub.services.model import Report, Service, ServiceStatus
from dataflow_hub.services.ports import require_free
from dataflow_hub.services.readiness import LIVE, Process, start_by_readiness
from dataflow_hub.services.readiness import status as status_of
from dataflow_hub.settings import Lab
from dataflow_hub.workspace import write_private

_SUPERVISOR_SECONDS = 20
_POLL_SECONDS = 0.05
_UNREACHABLE = (OSError, http.client.HTTPException)


class _Supervised:
    """The supervisor, as readiness asks it."""

    def __init__(self, lab: Lab, supervisor: Any) -> None:
        self._lab, self._supervisor = lab, supervisor

    def processes(self) -> Mapping[str, Process]:
        return _processes(self._supervisor)

    def begin(self, names: Sequence[str]) -> None:
        processes = self.processes()
        for name in (each for each in names if processes[each].state not in LIVE):
            with contextlib.suppress(xmlrpc.client.Fault):  # "already started" is what we want; other trouble shows in its state
                self._supervisor.startProcess(name, False)

    def tail(self, name: str) -> str:
        return _tail(self._lab, name)


def start(lab: Lab, services: Sequence[Service], report: Report) -> None:
    """Start `services` and wait until each is healthy; those that are healthy already stay as they are.

    Raises
    ------
    ServiceError
        A port is taken, or a service does not become healthy; its last log lines are in the message.
    """
    for service in services:
        service.prepare(lab)
    supervisor = _ensure_supervisor(lab, services)
    changed = _apply(supervisor)
    running = {name for name, process in _processes(supervisor).items() if process.state in LIVE} - changed
    require_free(lab, [service for service in services if service.name not in running])
    start_by_readiness(_Supervised(lab, supervisor), lab, services, report)


def stop(lab: Lab, report: Report) -> int:
    """Stop everything, in reverse order, then end whatever of this lab is left; give how many leftovers there were."""
    supervisor = _connect(lab)
    if supervisor is not None:
        for service in reversed(in_order(CATALOGUE)):
            _stop_one(supervisor, service.name, report)
        _shut_down(supervisor)
    left = sweep(lab_id(lab))
    for name in ("supervisor.sock", "supervisor.pid"):
        (lab.workspace.run / name).unlink(missing_ok=True)
    return left


def restart(lab: Lab, service: Service, report: Report) -> None:
    """Stop and start one service with its configuration rendered anew."""
    supervisor = _connect(lab)
    if supervisor is None:
        raise ServiceError("The lab is not running.", fix="./lab up")
    _stop_one(supervisor, service.name, report)
    start(lab, [service], report)


def status(lab: Lab, services: Iterable[Service]) -> list[ServiceStatus]:
    """Give how each of `services` is now."""
    supervisor = _connect(lab)
    processes = _processes(supervisor) if supervisor is not None else {}
    return status_of(lab, services, processes)


def supervisor_pid(lab: Lab) -> int:
    """Give the supervisor's process id, or 0 when there is none."""
    supervisor = _connect(lab)
    return int(supervisor.getPID()) if supervisor is not None else 0


def _ensure_supervisor(lab: Lab, services: Sequence[Service]) -> Any:
    """Give a connection to the lab's supervisor, starting one if needed."""
    supervisor = _connect(lab)
    if supervisor is not None:
        _write_configuration(lab, _run_mark(lab))
        return supervisor
    sweep(lab_id(lab))  # a lab whose supervisor and reaper were both killed, or a machine that lost power
    require_free(lab, services)
    supervisor_conf.socket_path(lab).unlink(missing_ok=True)
    mark = f"{lab_id(lab)}.{entropy.token_hex(4)}"
    write_private(lab.workspace.run / "mark", mark)
    _write_configuration(lab, mark)
    return _launch(lab)


def _launch(lab: Lab) -> Any:
    argv = [sys.executable, "-m", "supervisor.supervisord", "-c", str(_configuration(lab))]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False, cwd=lab.workspace.run)
    end = time.monotonic() + _SUPERVISOR_SECONDS
    while done.returncode == 0 and time.monotonic() < end:
        if (supervisor := _connect(lab)) is not None:
            return supervisor
        time.sleep(_POLL_SECONDS)
    why = (done.stdout + done.stderr).decode(errors="replace").strip()[-600:] or _tail(lab, "supervisor")
    raise ServiceError("The supervisor did not start.", why=why, fix="./lab doctor")


def _connect(lab: Lab) -> Any:
    """Give a connection to the supervisor, or None when it does not answer: a socket file alone proves nothing."""
    from supervisor.xmlrpc import SupervisorTransport

    path = supervisor_conf.socket_path(lab)
    if not path.exists():
        return None
    proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=_closing(SupervisorTransport("", "", f"unix://{path}")))
    try:
        proxy.supervisor.getPID()
    except _UNREACHABLE:
        return None
    return proxy.supervisor


def _closing(transport: Any) -> Any:
    """Make a transport close its connection after each request: it would leave it to the garbage collector."""
    ask = transport.request

    def request(*arguments: Any, **options: Any) -> Any:
        try:
            return ask(*arguments, **options)
        finally:
            transport.close()

    transport.request = request
    return transport


def _configuration(lab: Lab) -> Any:
    return lab.workspace.run / "supervisord.conf"


def _run_mark(lab: Lab) -> str:
    return (lab.workspace.run / "mark").read_text(encoding="utf-8").strip()


def _write_configuration(lab: Lab, mark: str) -> None:
    write_private(_configuration(lab), supervisor_conf.render(lab, CATALOGUE, mark))


def _apply(supervisor: Any) -> set[str]:
    """Make the running supervisor take the rendered configuration; give the names of the services it changed."""
    try:
        added, changed, removed = supervisor.reloadConfig()[0]
    except xmlrpc.client.Fault as fault:
        raise ServiceError("The supervisor refused its configuration.", why=fault.faultString, fix="./lab doctor") from fault
    for name in [*changed, *removed]:
        with contextlib.suppress(xmlrpc.client.Fault):
            supervisor.stopProcess(name)
        supervisor.removeProcessGroup(name)
    for name in [*added, *changed]:
        supervisor.addProcessGroup(name)
    return set(changed)


def _processes(supervisor: Any) -> dict[str, Process]:
    rows = supervisor.getAllProcessInfo()
    return {row["name"]: _process(row) for row in rows}


def _process(row: dict[str, Any]) -> Process:
    return Process(row["name"], row["statename"], row["pid"], row["start"], row["spawnerr"] or row["description"])


def _stop_one(supervisor: Any, name: str, report: Report) -> None:
    began = time.monotonic()
    try:
        supervisor.stopProcess(name)
    except xmlrpc.client.Fault:  # not running, or not known to a supervisor that an earlier version started
        return
    report(f"{name} stopped ({time.monotonic() - began:.1f} s)")


def _shut_down(supervisor: Any) -> None:
    process = psutil.Process(int(supervisor.getPID()))
    supervisor.shutdown()
    with contextlib.suppress(psutil.TimeoutExpired, psutil.NoSuchProcess):
        process.wait(timeout=_SUPERVISOR_SECONDS)


def _tail(lab: Lab, name: str, n_lines: int = 12) -> str:
    try:
        text = supervisor_conf.log_path(lab, name).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "(no log)"
    return "\n".join(text.splitlines()[-n_lines:])
