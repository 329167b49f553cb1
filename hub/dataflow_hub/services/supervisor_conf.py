"""The supervisor's configuration, rendered from the catalogue into a file that only its owner reads."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from dataflow_hub.errors import MissingError, SettingsError
from dataflow_hub.services.family import MARK
from dataflow_hub.services.model import Service
from dataflow_hub.settings import Lab

REAPER = "reaper"
_LOG_BYTES = 5 * 1024 * 1024
_LOG_BACKUPS = 3
_START_TRIES = 20  # each waits a second longer than the one before: about three minutes of patience, then it is a person's turn


def render(lab: Lab, services: Iterable[Service], mark: str) -> str:
    """Give the whole configuration; `mark` goes into the environment of every process."""
    sections = [_supervisor(lab), _program_of_reaper(lab, mark), *(_program(lab, service, mark) for service in services)]
    return "\n\n".join(sections) + "\n"


def socket_path(lab: Lab) -> Path:
    """Give the supervisor's control socket."""
    return lab.workspace.run / "supervisor.sock"


def _supervisor(lab: Lab) -> str:
    socket, run = socket_path(lab), lab.workspace.run
    if len(os.fsencode(socket)) > 98:  # noqa: PLR2004 - the kernel's limit is 107, and the object store's sockets have longer names
        raise MissingError(
            f"The path of the state folder is too long: {lab.workspace.state}.",
            why="A socket in it would have more than 107 characters, the system's limit.",
            fix="Set DATAFLOW_STATE to a shorter folder.",
        )
    lines = [
        "[unix_http_server]",
        f"file={_plain(socket)}",
        "chmod=0700",
        "",
        "[supervisord]",
        f"logfile={_plain(lab.workspace.logs / 'supervisor.log')}",
        f"logfile_maxbytes={_LOG_BYTES}",
        f"logfile_backups={_LOG_BACKUPS}",
        f"pidfile={_plain(run / 'supervisor.pid')}",
        f"directory={_plain(run)}",
        f"childlogdir={_plain(lab.workspace.logs)}",
        "identifier=dataflow-lab",
        *(["user=root"] if os.geteuid() == 0 else []),
        "",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
    ]
    return "\n".join(lines)


def _program_of_reaper(lab: Lab, mark: str) -> str:
    argv = [sys.executable, "-m", "dataflow_hub.services.reaper", mark]
    return _section(lab, REAPER, argv, {MARK: mark}, directory=lab.workspace.run, stop_seconds=2, start="true")


def _program(lab: Lab, service: Service, mark: str) -> str:
    # A killed supervisor must take its children along; what they started themselves is the reaper's business.
    argv = [_setpriv(), "--pdeathsig", service.death_signal, "--", *service.command(lab)]
    environment = {**lab.environment(), **service.environment(lab), "PYTHONUNBUFFERED": "1", MARK: mark}
    return _section(lab, service.name, argv, environment, directory=service.directory(lab), stop_seconds=service.stop_seconds)


def _section(  # noqa: PLR0913 - one argument a line of the section
    lab: Lab, name: str, argv: list[str], environment: Mapping[str, str], *, directory: Path, stop_seconds: int, start: str = "false"
) -> str:
    lines = [
        f"[program:{name}]",
        f"command={_plain(shlex.join(argv))}",
        f"directory={_plain(directory)}",
        f"environment={','.join(f'{key}={_quoted(value)}' for key, value in sorted(environment.items()))}",
        f"autostart={start}",
        "autorestart=true",
        "startsecs=2",
        f"startretries={_START_TRIES}",
        f"stopwaitsecs={stop_seconds}",
        "stopasgroup=true",
        "killasgroup=true",
        "redirect_stderr=true",
        f"stdout_logfile={_plain(log_path(lab, name))}",
        f"stdout_logfile_maxbytes={_LOG_BYTES}",
        f"stdout_logfile_backups={_LOG_BACKUPS}",
    ]
    return "\n".join(lines)


def log_path(lab: Lab, name: str) -> Path:
    """Give the log file of the service called `name`."""
    return lab.workspace.logs / f"{name}.log"


def _plain(value: object) -> str:
    return str(value).replace("%", "%%")


def _quoted(value: str) -> str:
    """Quote a value for `environment=`, whose little language has no way to write a double quote or a line break."""
    if '"' in value or "\n" in value:
        raise SettingsError("A setting holds a double quote or a line break.", why="No service could be given it.", fix="Write it without.")
    return f'"{_plain(value)}"'


def _setpriv() -> str:
    found = shutil.which("setpriv", path="/usr/bin:/bin:/usr/sbin:/sbin") or shutil.which("setpriv")
    if not found:
        raise MissingError(
            "The program setpriv is missing.",
            why="Services would be orphaned when their supervisor is killed.",
            fix="Install the package util-linux.",
        )
    return found
