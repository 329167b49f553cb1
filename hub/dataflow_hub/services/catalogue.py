"""The catalogue: every service there is. Adding a service is one entry here."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from dataflow_hub.errors import ServiceError, SettingsError
from dataflow_hub.services import kafka, live_orders, object_store, prefect_server, streamlit_server, tracking
from dataflow_hub.services.health import http_probe, tcp_probe
from dataflow_hub.services.model import Service
from dataflow_hub.settings import Lab


def _python_module(module: str, _lab: Lab) -> list[str]:
    return [sys.executable, "-m", module]


def _hub_command(lab: Lab) -> list[str]:
    return [str(Path(sys.executable).parent / "jupyterhub"), "-f", str(lab.workspace.root / "hub" / "jupyterhub_config.py")]


def _console_page(lab: Lab) -> str:
    return f"http://127.0.0.1:{lab.settings.ports.s3_console}"


def _hub_page(lab: Lab) -> str:
    return lab.public_url


def _page(path: str, lab: Lab) -> str:
    return f"{lab.public_url}{path}"


DEFAULT_GROUPS = ("core",)  # what `./lab up` starts when it is told nothing: a class that streams nothing pays for no broker

CATALOGUE: tuple[Service, ...] = (
    Service(
        name="object-store",
        group="core",
        title="Object store (S3)",
        ports=("s3", "store_internal"),
        port_spans={"store_internal": range(7)},
        command=object_store.command,
        health=http_probe("s3", "/healthz"),
        secrets=object_store.SECRETS,
        prepare=object_store.prepare,
        settle=object_store.settle,
        stop_seconds=2,  # it keeps every acknowledged object through SIGKILL, and a polite stop waits 15 s for its own connections
    ),
    Service(
        name="object-store-console",
        group="core",
        title="Object store: web console",
        ports=("s3_console", "store_internal"),
        port_spans={"store_internal": range(7, 8)},
        command=object_store.console_command,
        health=http_probe("s3_console", "/login"),
        depends_on=("object-store",),
        secrets=("store-console-password",),
        environment=object_store.console_environment,
        stop_seconds=2,
        web_page=_console_page,
    ),
    Service(
        name="mlflow",
        group="core",
        title="MLflow tracking and registry",
        ports=("mlflow",),
        command=tracking.command,
        health=http_probe("mlflow", "/health"),
        depends_on=("object-store",),
        secrets=tracking.SECRETS,
        environment=tracking.environment,
        prepare=tracking.prepare,
        web_page=tracking.uri,
    ),
    Service(
        name="proxy",
        group="core",
        title="Front door (Traefik)",
        ports=("hub", "proxy_api"),
        command=partial(_python_module, "dataflow_hub.server.proxy"),
        health=tcp_probe("hub"),
        secrets=("proxy-api-token",),
    ),
    Service(
        name="exchange",
        group="core",
        title="Assignment exchange",
        ports=("exchange",),
        command=partial(_python_module, "dataflow_hub.exchange"),
        health=http_probe("exchange", "/services/exchange/health"),
        secrets=("exchange-hub-token",),
    ),
    Service(
        name="hub",
        group="core",
        title="JupyterHub",
        ports=("hub_api",),
        command=_hub_command,
        health=http_probe("hub", "/hub/health", front_door=True),
        depends_on=("proxy", "object-store", "mlflow"),
        secrets=("proxy-api-token", "exchange-hub-token", "formgrader-hub-token", "hub-admin-token"),
        web_page=_hub_page,
    ),
    Service(
        name="formgrader",
        group="core",
        title="Formgrader",
        ports=("formgrader",),
        command=partial(_python_module, "dataflow_hub.server.formgrader"),
        health=tcp_probe("formgrader"),
        depends_on=("hub",),
        secrets=("formgrader-hub-token",),
    ),
    Service(
        name="kafka",
        group="streaming",
        title="Kafka",
        ports=("kafka", "kafka_controller"),
        command=kafka.command,
        health=kafka.health,
        secrets=kafka.SECRETS,
        install=kafka.install,
        prepare=kafka.prepare,
        settle=live_orders.admit,
    ),
    Service(
        name="live-orders",
        group="live",
        title="Live orders: Kafka to gold",
        ports=(),
        command=live_orders.command,
        health=live_orders.health,
        depends_on=("kafka", "object-store"),
        secrets=live_orders.SECRETS,
        environment=live_orders.environment,
        prepare=live_orders.prepare,
    ),
    Service(
        name="auth-proxy",
        group="visualization",
        title="Login proxy of service pages",
        ports=("auth_proxy",),
        command=partial(_python_module, "dataflow_hub.server.auth_proxy"),
        health=http_probe("auth_proxy", "/health"),
        depends_on=("hub",),
        secrets=("prefect-hub-token", "streamlit-hub-token", "auth-proxy-cookie"),
    ),
    Service(
        name="prefect",
        group="orchestration",
        title="Prefect",
        ports=("prefect",),
        command=prefect_server.command,
        health=http_probe("prefect", "/api/health"),
        secrets=prefect_server.SECRETS,
        environment=prefect_server.environment,
        prepare=prefect_server.prepare,
        start_seconds=300,  # it imports for ten seconds of processor time, and makes its tables the first time
        web_page=partial(_page, prefect_server.PREFIX),
    ),
    Service(
        name="prefect-flows",
        group="orchestration",
        title="Prefect: runner of the lab's flows",
        ports=(),
        command=partial(_python_module, "dataflow_hub.pipelines.serve"),
        health=prefect_server.runner_health,
        depends_on=("prefect", "object-store", "auth-proxy"),
        environment=prefect_server.client_environment,
    ),
    Service(
        name="streamlit",
        group="visualization",
        title="Dashboards (Streamlit)",
        ports=("streamlit",),
        command=streamlit_server.command,
        health=http_probe("streamlit", f"{streamlit_server.PREFIX}/_stcore/health"),
        depends_on=("object-store", "auth-proxy"),
        secrets=streamlit_server.SECRETS,
        environment=streamlit_server.environment,
        web_page=partial(_page, f"{streamlit_server.PREFIX}/"),
    ),
)


def find(name: str) -> Service:
    """Give the service called `name`.

    Raises
    ------
    ServiceError
        There is none.
    """
    for service in CATALOGUE:
        if service.name == name:
            return service
    names = ", ".join(service.name for service in CATALOGUE)
    raise ServiceError(f"There is no service {name}.", fix=f"One of: {names}.")


def select(words: Iterable[str]) -> tuple[Service, ...]:
    """Give the services of the groups or names in `words`, with all they depend on, in starting order.

    Raises
    ------
    SettingsError
        A word is neither a group, a service, nor `all`.
    """
    chosen: set[str] = set()
    for word in words:
        found = {service.name for service in CATALOGUE if word in {service.name, service.group, "all"}}
        if not found:
            known = sorted({service.group for service in CATALOGUE} | {service.name for service in CATALOGUE})
            raise SettingsError(f"There is no group or service {word}.", fix=f"One of: all, {', '.join(known)}.")
        chosen |= found
    return tuple(service for service in in_order(CATALOGUE) if service.name in _with_dependencies(chosen))


def in_order(services: Iterable[Service]) -> tuple[Service, ...]:
    """Give `services` so that each comes after those it depends on.

    Raises
    ------
    ServiceError
        They depend on each other in a circle.
    """
    waiting, done = list(services), list[Service]()
    while waiting:
        known = {service.name for service in done} | ({name for s in waiting for name in s.depends_on} - {s.name for s in waiting})
        ready = [service for service in waiting if set(service.depends_on) <= known]
        if not ready:
            raise ServiceError(f"These services depend on each other in a circle: {', '.join(s.name for s in waiting)}.")
        done += ready
        waiting = [service for service in waiting if service not in ready]
    return tuple(done)


def _with_dependencies(names: set[str]) -> set[str]:
    wanted = set(names)
    while True:
        more = {dependency for name in wanted for dependency in find(name).depends_on} - wanted
        if not more:
            return wanted
        wanted |= more
