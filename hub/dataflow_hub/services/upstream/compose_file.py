"""The Compose files of upstream services, one a group, made out of their table and committed: a test keeps them in step.

They belong to a project of their own, so that `./lab down` and Compose never take the lab's own services and these for each other's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dataflow_hub.services.compose_text import LOGGING, STATE, confinement, mount, secret_files, yaml_text
from dataflow_hub.services.upstream.model import Upstream

_UID, _GID = "${DATAFLOW_UID:?run ./lab images upstream}", "${DATAFLOW_GID:?run ./lab images upstream}"
_TEMPORARY_MIB = 256
_PROCESSES = 1024
_HEADER = "# Made from the table of upstream services by ./lab images compose: change that, not this. Not run in CI.\n"


def file_name(group: str) -> str:
    """Give the name of a group's file in `images/`."""
    return f"compose.upstream.{group}.yaml"


def groups(services: Iterable[Upstream]) -> list[str]:
    """Give every group there is a file for."""
    return sorted({service.group for service in services})


def render(services: Iterable[Upstream], group: str) -> str:
    """Give the text of a group's Compose file."""
    chosen = [service for service in services if service.group == group]
    secrets = sorted({name for service in chosen for name in _secrets(service)})
    volumes = sorted({name for service in chosen for name in service.volumes})
    content: dict[str, Any] = {
        "name": "dataflow-upstream-${DATAFLOW_LAB_ID}",
        "services": {service.name: _service(service) for service in chosen},
    }
    if secrets:
        content["secrets"] = secret_files(secrets)
    if volumes:
        content["volumes"] = {name: {} for name in volumes}
    return _HEADER + yaml_text(content)


def _service(service: Upstream) -> dict[str, Any]:
    """Give one service: on the machine's loopback like the lab's own, and as closed as its image bears."""
    content: dict[str, Any] = {
        "image": service.image,
        "user": _user(service),
        **confinement(memory_mib=service.memory_mib, temporary_mib=_TEMPORARY_MIB, processes=_PROCESSES, read_only=service.read_only),
        "volumes": [*_mounts(service)],
        "healthcheck": {"test": [*service.health], "interval": "30s", "timeout": "20s", "retries": 3, "start_period": "180s"},
        "restart": "unless-stopped",
        "logging": LOGGING,
    }
    optional: dict[str, Sequence[str] | dict[str, Any]] = {
        "entrypoint": [*service.entrypoint],
        "command": [*service.command],
        "environment": {**service.environment},
        "secrets": [*_secrets(service)],
        "depends_on": {name: {"condition": "service_healthy"} for name in service.depends_on},
    }
    return content | {key: value for key, value in optional.items() if value}


def _user(service: Upstream) -> str:
    """Give the lab's own user, who alone reads its secrets, unless the image can run as no other than its own."""
    if service.owner is not None:
        return f"{service.owner}:{service.owner}"
    return f"{_UID}:{_GID if service.group_id is None else service.group_id}"


def _secrets(service: Upstream) -> tuple[str, ...]:
    return tuple(sorted({*service.secrets, *service.given}))


def _mounts(service: Upstream) -> Iterable[dict[str, Any]]:
    if service.owner is None:  # several programs want a name for the uid that they run as
        yield mount(f"{STATE}/run/upstream/passwd", "/etc/passwd", read_only=True)
    if service.config:
        yield mount(f"{STATE}/run/upstream/{service.product}", service.config, read_only=True)
    if service.data:
        yield mount(f"{STATE}/data/{service.product}", service.data, read_only=False)
    yield from (mount(f"{STATE}/{source}", target, read_only=True) for source, target in service.reads.items())
    yield from ({"type": "volume", "source": source, "target": target} for source, target in service.volumes.items())
