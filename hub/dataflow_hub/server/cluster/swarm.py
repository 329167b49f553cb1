"""Docker Swarm: the stack of the lab's own services, and the traits of students' servers, which the hub adds beside it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dataflow_hub.containers.built import PYTHON
from dataflow_hub.containers.engine import SERVICE
from dataflow_hub.errors import SettingsError
from dataflow_hub.server.cluster.model import SERVER_PORT, STATE, Cluster, memory_folders, require_tls, sizes, students_reach
from dataflow_hub.server.spawn_profiles import USUAL
from dataflow_hub.services.catalogue import find
from dataflow_hub.services.compose_file import secrets_of
from dataflow_hub.services.compose_text import LOGGING
from dataflow_hub.services.model import Service
from dataflow_hub.settings import Lab

STUDENTS, FRONT, SERVICES = "students", "front", "services"  # the overlays: what each is for
CORE = "dataflow-core"  # the label of the one manager that the lab's own services run on: some speak through files
_PROCESSES = 512


def stack(lab: Lab, cluster: Cluster) -> dict[str, Any]:
    """Give the stack: the front door, the hub and the door to its engine, and all that students reach.

    Raises
    ------
    SettingsError
        The lab has no address with TLS, or no certificate for its own front door.
    """
    require_tls(lab)
    if not lab.settings.tls.certificate:
        fix = "Set tls.certificate and tls.key to files below data/proxy in the state folder."
        raise SettingsError("The front door of a swarm has no certificate.", why="It listens to other machines.", fix=fix)
    reached = [each.service for each in students_reach(lab)]
    networks = {name: {SERVICES} if name not in {"hub", "exchange"} else {SERVICES, FRONT} for name in reached}
    networks = {name: found | {STUDENTS} for name, found in networks.items()}
    networks |= {"proxy": {FRONT, STUDENTS}, "docker-api": set()}
    chosen = {name: find(name) for name in networks}
    return {
        "services": {name: _service(lab, cluster, service, sorted(networks[name])) for name, service in chosen.items()},
        "networks": {**{name: _overlay(cluster, name) for name in (STUDENTS, FRONT, SERVICES)}, "none": {"external": True}},
        "secrets": {name: {"external": True, "name": f"{cluster.namespace}-{name}"} for name in _secrets(chosen.values())},
    }


def traits(lab: Lab, cluster: Cluster) -> dict[str, Any]:
    """Give the traits of every student's server."""
    return {
        "image": cluster.image("lessons"),
        "port": SERVER_PORT,
        "network_name": network_name(cluster, STUDENTS),
        "use_internal_ip": True,  # nothing of a student is published
        "name_template": f"{cluster.namespace}-{{username}}",
        "extra_container_spec": {"read_only": True, "cap_drop": ["ALL"]},
        "extra_task_spec": {
            "resources": _resources(lab),
            "restart_policy": {"Condition": "none"},  # the hub starts servers, with fresh credentials; Swarm would with spent ones
            "log_driver": {"Name": "json-file", "Options": {"max-size": "5m", "max-file": "2"}},
        },
        "extra_placement_spec": {"constraints": ["node.role == worker"]},
        "memory_folders": memory_folders(lab),
    }


def fragment(lab: Lab, cluster: Cluster) -> str:
    """Give the piece of the hub's configuration that makes students' servers services of the swarm."""
    lines = [f"c.SwarmSpawner.{name} = {value!r}" for name, value in traits(lab, cluster).items()]
    return "\n".join(
        [
            '"""Students\' servers as services of a swarm: for <state>/jupyterhub_config.d/."""',
            "",
            "from dataflow_hub.server.cluster.swarm_spawner import SwarmSpawner",
            "",
            "c = get_config()",
            "c.JupyterHub.spawner_class = SwarmSpawner",
            f'c.JupyterHub.hub_bind_url = "http://0.0.0.0:{lab.settings.ports.hub_api}"',
            f'c.JupyterHub.hub_connect_url = "http://hub:{lab.settings.ports.hub_api}"',
            *lines,
            "",
        ]
    )


def network_name(cluster: Cluster, network: str) -> str:
    """Give the name of an overlay, as the engine knows it."""
    return f"{cluster.namespace}-{network}"


def _service(lab: Lab, cluster: Cluster, service: Service, networks: list[str]) -> dict[str, Any]:
    container = service.container
    content: dict[str, Any] = {
        "image": cluster.hub_image,
        "command": [PYTHON, "-m", "dataflow_hub.services", service.name],
        "user": "0:0" if container.capabilities or container.socket else "1000:1000",
        "environment": {**_environment(lab), "HOME": "/tmp"},  # noqa: S108 - the container's own
        "networks": networks or ["none"],
        "read_only": True,
        "cap_drop": ["ALL"],
        "volumes": [*_volumes(service)],
        "stop_grace_period": f"{service.stop_seconds}s",
        "logging": LOGGING,
        "deploy": {
            "replicas": 1,
            "placement": {"constraints": ["node.role == manager", f"node.labels.{CORE} == true"]},  # the one with the lab's state
            "resources": {"limits": {"memory": f"{container.memory_mib}M", "pids": _PROCESSES}},
            "labels": {SERVICE: service.name},
        },
    }
    if container.capabilities:
        content["cap_add"] = [*container.capabilities]
    if secrets := secrets_of(service):
        content["secrets"] = [{"source": name, "target": f"{STATE}/secrets/{name}", "mode": 0o444} for name in secrets]
    if service.name == "proxy":  # the front door, and nothing else
        port = lab.settings.ports.hub
        content["ports"] = [{"target": port, "published": port, "protocol": "tcp", "mode": "host"}]
    return content


def _environment(lab: Lab) -> dict[str, str]:
    values = {name: value for name, value in lab.environment().items() if name.startswith("DATAFLOW__")}
    return {
        **values,
        "DATAFLOW__HUB__BIND": "0.0.0.0",  # noqa: S104 - the container's own addresses; what is published is another matter
        "DATAFLOW__SERVICES__BACKEND": "docker",
        "DATAFLOW__SANDBOX__KIND": "docker",  # no container may make a sandbox
        "DATAFLOW_STATE": STATE,
        "DATAFLOW_CACHE": f"{STATE}/cache",
    }


def _volumes(service: Service) -> Iterable[dict[str, Any]]:
    container = service.container
    yield {"type": "volume", "target": "/tmp", "volume": {"nocopy": True}}  # noqa: S108 - the container's own
    for name in dict.fromkeys((*container.writes, *container.reads)):
        path = f"{STATE}/{name}".rstrip("/")
        yield {"type": "bind", "source": path, "target": path, "read_only": name not in container.writes}
    if container.socket:
        yield {"type": "bind", "source": "/var/run/docker.sock", "target": "/var/run/docker.sock"}


def _resources(lab: Lab) -> dict[str, Any]:
    usual, nano = sizes(USUAL, lab.settings.sandbox), 1_000_000_000
    memory = {name: int(usual[f"mem_{name}"].rstrip("M")) << 20 for name in ("limit", "guarantee")}
    cores = {name: int(usual[f"cpu_{name}"] * nano) for name in ("limit", "guarantee")}
    return {
        "Limits": {"MemoryBytes": memory["limit"], "NanoCPUs": cores["limit"], "Pids": lab.settings.sandbox.processes},
        "Reservations": {"MemoryBytes": memory["guarantee"], "NanoCPUs": cores["guarantee"]},
    }


def _overlay(cluster: Cluster, name: str) -> dict[str, Any]:
    """Give an overlay that is encrypted between machines; only that of the front door leads out of the swarm."""
    return {
        "name": network_name(cluster, name),
        "driver": "overlay",
        "driver_opts": {"encrypted": "true"},
        "attachable": False,
        "internal": name != FRONT,
    }


def _secrets(services: Iterable[Service]) -> list[str]:
    return sorted({name for service in services for name in secrets_of(service)})
