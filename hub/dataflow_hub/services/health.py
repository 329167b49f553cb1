"""Health probes: does the thing itself answer, not merely does its process live."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable, Mapping

from dataflow_hub.services.model import Health
from dataflow_hub.settings import Lab

_LOOPBACK = "127.0.0.1"
_TIMEOUT_SECONDS = 3.0


def http_probe(port_setting: str, path: str, *, expect: tuple[int, ...] = (200,), front_door: bool = False) -> Callable[[Lab], Health]:
    """Give a probe that GETs `path` on the port of `port_setting` and wants one of the statuses `expect`."""

    def probe(lab: Lab) -> Health:
        host = lab.settings.hub.bind if front_door else _LOOPBACK
        tls = front_door and bool(lab.settings.tls.certificate)
        return get(host, int(getattr(lab.settings.ports, port_setting)), path, expect=expect, tls=tls)

    return probe


def tcp_probe(port_setting: str) -> Callable[[Lab], Health]:
    """Give a probe that is content with an open port."""

    def probe(lab: Lab) -> Health:
        port = int(getattr(lab.settings.ports, port_setting))
        try:
            socket.create_connection((_LOOPBACK, port), timeout=_TIMEOUT_SECONDS).close()
        except OSError as error:
            return Health(ok=False, detail=f"port {port}: {error.strerror or error}")
        return Health(ok=True)

    return probe


def get(  # noqa: PLR0913 - one request and what is wanted of it
    host: str, port: int, path: str, *, expect: tuple[int, ...] = (200,), tls: bool = False, headers: Mapping[str, str] | None = None
) -> Health:
    """Give what a GET says about a service's health; an unanswered one is unhealthy, never an exception."""
    connection = _connection(host, port, tls=tls)
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return Health(ok=False, detail=f"port {port}: {getattr(error, 'strerror', None) or type(error).__name__}")
    finally:
        connection.close()
    return Health(ok=status in expect, detail="" if status in expect else f"port {port} answered {status} on {path}")


def _connection(host: str, port: int, *, tls: bool) -> http.client.HTTPConnection:
    target = _LOOPBACK if host in {"0.0.0.0", "localhost"} else host  # noqa: S104 - told apart, not bound
    if not tls:
        return http.client.HTTPConnection(target, port, timeout=_TIMEOUT_SECONDS)
    context = ssl.create_default_context()
    context.check_hostname = False  # the probe asks "is it up", on this machine; names are the browser's business
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(target, port, timeout=_TIMEOUT_SECONDS, context=context)
