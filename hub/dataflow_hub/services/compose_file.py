"""The compose files, one a group, made out of the catalogue and committed: a test keeps them in step.

They say nothing of one machine. `services.compose` gives the variables, and whoever types `docker compose` finds them in
`<state>/run/compose/lab.env`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from dataflow_hub.containers.built import PYTHON
from dataflow_hub.containers.engine import LABEL, SERVICE
from dataflow_hub.services.compose_text import LOGGING, STATE, confinement, mount, secret_files, yaml_text
from dataflow_hub.services.health import Probe
from dataflow_hub.services.model import Container, Service

_CHECKOUT, _CACHE = "${DATAFLOW_CHECKOUT}", "${DATAFLOW_CACHE}"
_CODE = ("hub", "kernels")
_TEMPORARY_MIB = 512
_PROCESSES = 2048
_HEADER = "# Made from the catalogue of services by ./lab images compose: change that, not this.\n"


def file_name(group: str) -> str:
    """Give the name of a group's file in `images/`."""
    return f"compose.{group}.yaml"


def groups(services: Iterable[Service]) -> list[str]:
    """Give every group there is a file for."""
    return sorted({service.container.group for service in services})


def render(services: Iterable[Service], group: str) -> str:
    """Give the text of a group's compose file."""
    chosen = [service for service in services if service.container.group == group]
    secrets = sorted({name for service in chosen for name in secrets_of(service)})
    content: dict[str, Any] = {
        "name": "dataflow-${DATAFLOW_LAB_ID}",
        "services": {service.name: _service(service, [each.name for each in chosen]) for service in chosen},
    }
    if secrets:
        content["secrets"] = secret_files(secrets)
    return _HEADER + yaml_text(content)


def _service(service: Service, names: Collection[str]) -> dict[str, Any]:
    """Give one service of those called `names`: it may do nothing but serve, on the machine's loopback, where all of the lab is."""
    container = service.container
    content: dict[str, Any] = {
        "image": "${DATAFLOW_IMAGE:?./lab images build}",
        "command": [PYTHON, "-m", "dataflow_hub.services", service.name],
        "user": "${DATAFLOW_UID}:${DATAFLOW_GID}",
        **confinement(memory_mib=container.memory_mib, temporary_mib=_TEMPORARY_MIB, processes=_PROCESSES),
        "env_file": [f"{STATE}/run/compose/settings.env"],
        "volumes": [*_mounts(container)],
        "healthcheck": _health_check(service),
        "restart": "unless-stopped",
        "stop_grace_period": f"{service.stop_seconds}s",
        "logging": LOGGING,
        "labels": {LABEL: "${DATAFLOW_LAB_ID}", SERVICE: service.name},
    }
    if container.socket:
        content["group_add"] = ["${DATAFLOW_DOCKER_GID}"]
    if container.capabilities:
        content["cap_add"] = [*container.capabilities]
    if secrets := secrets_of(service):
        content["secrets"] = [{"source": name, "target": f"{STATE}/secrets/{name}"} for name in secrets]
    # Of its own file only, else the file would be invalid alone: what is of another, a service waits for by being restarted.
    if here := [name for name in service.depends_on if name in names]:
        content["depends_on"] = {name: {"condition": "service_healthy"} for name in here}
    return content


def secrets_of(service: Service) -> tuple[str, ...]:
    """Give the secrets that a service's container gets as files: none where it sees the whole state folder."""
    return () if "" in service.container.writes else tuple(sorted(set(service.secrets)))


def _mounts(container: Container) -> Iterable[dict[str, Any]]:
    whole = "" in container.writes
    yield mount(f"{STATE}/run/compose/passwd", "/etc/passwd", read_only=True)
    yield from (_mount(f"{_CHECKOUT}/{name}", read_only=True) for name in (*_CODE, *container.checkout))
    yield from (_mount(f"{STATE}/{name}".rstrip("/"), read_only=False) for name in container.writes)
    yield from (_mount(f"{STATE}/{name}", read_only=True) for name in container.reads)
    yield _mount(_CACHE, read_only=not whole)
    if container.socket:
        yield {"type": "bind", "source": "${DATAFLOW_DOCKER_SOCKET}", "target": "/var/run/docker.sock"}


def _mount(path: str, *, read_only: bool) -> dict[str, Any]:
    """Put a path of the machine at the same place: every path that a service writes down means the same on both sides."""
    return mount(path, path, read_only=read_only)


def _health_check(service: Service) -> dict[str, Any]:
    timing = {"timeout": "10s", "retries": 3, "start_period": f"{service.start_seconds}s"}
    if isinstance(service.health, Probe):
        where = f"${{DATAFLOW__PORTS__{service.health.port.upper()}}}+{service.health.offset}"
        path = "" if service.health.front_door else service.health.path  # behind TLS, where there is any
        words = [PYTHON, "-SI", f"{_CHECKOUT}/hub/dataflow_hub/services/probe.py", where, *([path] if path else [])]
        return {"test": ["CMD", *words], "interval": "20s", **timing}
    return {"test": ["CMD", PYTHON, "-m", "dataflow_hub.services", "--healthy", service.name], "interval": "60s", **timing}
