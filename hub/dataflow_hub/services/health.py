"""Health probes: does the thing itself answer, not merely does its process live."""

from __future__ import annotations

import http
import http.client
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from dataflow_hub.services.model import Health
from dataflow_hub.settings import Lab

_LOOPBACK = "127.0.0.1"
_TIMEOUT_SECONDS = 3.0


@dataclass(frozen=True)
class Probe:
    """Asks whether `port`, by its setting and `offset`, is open and, where there is a `path`, whether a GET of it is answered with 200.

    It is data, so that a container's own health check can be made of it (`services.probe`).
    """

    port: str
    path: str = ""
    front_door: bool = False
    offset: int = 0

    def __call__(self, lab: Lab) -> Health:
        """Ask now."""
        host = lab.settings.hub.bind if self.front_door else _LOOPBACK
        port = self.number(lab)
        if self.path:
            return get(host, port, self.path, tls=self._tls(lab))
        try:
            socket.create_connection((_reachable(host), port), timeout=_TIMEOUT_SECONDS).close()
        except OSError as error:
            return Health(ok=False, detail=f"port {port}: {error.strerror or error}")
        return Health(ok=True)

    def number(self, lab: Lab) -> int:
        """Give the port's number."""
        return int(getattr(lab.settings.ports, self.port)) + self.offset

    def target(self, lab: Lab) -> str:
        """Give what a program other than this one is to ask: a URL, or host and port where there is no path."""
        where = f"{_reachable(lab.settings.hub.bind) if self.front_door else _LOOPBACK}:{self.number(lab)}"
        return f"http{'s' if self._tls(lab) else ''}://{where}{self.path}" if self.path else where

    def _tls(self, lab: Lab) -> bool:
        return self.front_door and bool(lab.settings.tls.certificate)


def get(host: str, port: int, path: str, *, tls: bool = False, headers: Mapping[str, str] | None = None) -> Health:
    """Give what a GET says about a service's health: 200 is well; an unanswered one is unhealthy, never an exception."""
    connection = _connection(host, port, tls=tls)
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return Health(ok=False, detail=f"port {port}: {getattr(error, 'strerror', None) or type(error).__name__}")
    finally:
        connection.close()
    well = status == http.HTTPStatus.OK
    return Health(ok=well, detail="" if well else f"port {port} answered {status} on {path}")


def _connection(host: str, port: int, *, tls: bool) -> http.client.HTTPConnection:
    target = _reachable(host)
    if not tls:
        return http.client.HTTPConnection(target, port, timeout=_TIMEOUT_SECONDS)
    context = ssl.create_default_context()
    context.check_hostname = False  # the probe asks "is it up", on this machine; names are the browser's business
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(target, port, timeout=_TIMEOUT_SECONDS, context=context)


def _reachable(host: str) -> str:
    return _LOOPBACK if host in {"0.0.0.0", "localhost"} else host  # noqa: S104 - told apart, not bound
