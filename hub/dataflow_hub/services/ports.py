"""Ports: is one free, and if not, who has it."""

from __future__ import annotations

import socket
from collections.abc import Iterable

import psutil

from dataflow_hub.errors import ServiceError
from dataflow_hub.services.model import Service
from dataflow_hub.settings import Lab


def require_free(lab: Lab, services: Iterable[Service]) -> None:
    """Make sure that no other program holds a port of `services`.

    Raises
    ------
    ServiceError
        Naming the port, its holder where that can be seen, and the setting that moves it.
    """
    for service in services:
        for port, setting in service.port_numbers(lab).items():
            host = lab.settings.hub.bind if setting == "hub" else "127.0.0.1"
            if not is_free(host, port):
                raise _taken(lab, service, port, setting)


def is_free(host: str, port: int) -> bool:
    """Tell whether `port` can be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that linger after a stop are no obstacle
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Give "name (pid N)" of whoever listens on `port`, or "" when the system does not tell us."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        return ""
    return ""


def _taken(lab: Lab, service: Service, port: int, setting: str) -> ServiceError:
    who = holder(port)
    return ServiceError(
        f"Port {port}, which {service.title} needs, is taken.",
        why=f"{who} listens on it." if who else "Another program, of another user, listens on it.",
        fix=f"Stop it, or set ports.{setting} in {lab.workspace.state / 'dataflow.toml'} (or DATAFLOW__PORTS__{setting.upper()}).",
    )
