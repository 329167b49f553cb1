"""The catalogue: every service there is. Adding a service is one entry here."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from dataflow_hub.containers import gate
from dataflow_hub.containers.engine import hub_socket
from dataflow_hub.errors import ServiceError, SettingsError
from dataflow_hub.services import kafka, live_orders, object_store, prefect_server, spark_cluster, streamlit_server, tracking
from dataflow_hub.services.health import Probe
from dataflow_hub.services.model import Container, Health, Service
from dataflow_hub.services.store_accounts import DASHBOARDS, FLOWS, LIVE
from dataflow_hub.settings import Lab


def _python_module(*words: str) -> Callable[[Lab], list[str]]:
    return lambda _lab: [sys.executable, "-m", *words]


def _hub_command(lab: Lab) -> list[str]:
    return [str(Path(sys.executable).parent / "jupyterhub"), "-f", str(lab.workspace.root / "hub" / "jupyterhub_config.py")]


def _console_page(lab: Lab) -> str:
    return f"http://127.0.0.1:{lab.settings.ports.s3_console}"


def _hub_page(lab: Lab) -> str:
    return lab.public_url


def api_health(lab: Lab) -> Health:
    """Tell whether the door to the Docker engine answers, and the engine behind it."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_ANSWER_SECONDS)
            connection.connect(str(hub_socket(lab)))
            connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            answer = connection.recv(64).partition(b"\r\n")[0].decode(errors="replace")
    except OSError as error:
        return Health(ok=False, detail=error.strerror or str(error))
    return Health(ok=" 200 " in answer, detail="" if " 200 " in answer else f"answered {answer}")


def gate_health(lab: Lab) -> Health:
    """Tell whether the gate answers on its control socket."""
    try:
        gate.ask(lab.workspace.run / "gate", {})
    except ServiceError as error:
        return Health(ok=False, detail=error.why)
    return Health(ok=True)


def _page(path: str, lab: Lab) -> str:
    return f"{lab.public_url}{path}"


_ANSWER_SECONDS = 5.0
# What `./lab up` starts when it is told nothing: a class that streams nothing pays for no broker.
DEFAULT_GROUPS = {"embedded": ("core",), "docker": ("object-store-console", "mlflow", "formgrader", "exchange")}

CATALOGUE: tuple[Service, ...] = (
    Service(
        name="object-store",
        group="core",
        title="Object store (S3)",
        ports=("s3", "store_internal"),
        port_spans={"store_internal": range(7)},
        command=object_store.command,
        health=Probe("s3", "/healthz"),
        container=Container("core", memory_mib=1024, writes=("data/object-store", "run/object-store")),
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
        health=Probe("s3_console", "/login"),
        container=Container("core", memory_mib=256, writes=("data/object-store-console",), reads=("run/object-store",)),
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
        health=Probe("mlflow", "/health"),
        container=Container("ml", memory_mib=2048, writes=("data/mlflow",), reads=("run/mlflow-auth.ini",)),
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
        command=_python_module("dataflow_hub.server.proxy"),
        health=Probe("hub", front_door=True),
        container=Container("visualization", memory_mib=256, writes=("data/proxy",)),
        secrets=("proxy-api-token",),
    ),
    Service(
        name="exchange",
        group="core",
        title="Assignment exchange",
        ports=("exchange",),
        command=_python_module("dataflow_hub.exchange"),
        health=Probe("exchange", "/services/exchange/health"),
        container=Container("visualization", memory_mib=512, writes=("data", "exchange")),
        secrets=("exchange-hub-token", "exchange-receipts"),
    ),
    Service(
        name="gate",
        group="containers",
        title="Gate of the students' containers",
        ports=(),
        command=_python_module("dataflow_hub.containers", "gate"),
        health=gate_health,
        container=Container("visualization", memory_mib=256, writes=("run/gate",)),
        in_all=False,  # only where students' servers are containers, and `up` then asks for it
    ),
    Service(
        name="docker-api",
        group="containers",
        title="Door to the Docker engine",
        ports=(),
        command=_python_module("dataflow_hub.containers", "api"),
        health=api_health,
        container=Container("visualization", memory_mib=256, writes=("run/docker-api",), reads=("images",), socket=True),
        in_all=False,
        secrets=("lab-id",),
    ),
    Service(
        name="hub",
        group="core",
        title="JupyterHub",
        ports=("hub_api",),
        command=_hub_command,
        health=Probe("hub", "/hub/health", front_door=True),
        container=Container(
            "visualization",
            memory_mib=1024,
            writes=("",),
            checkout=("courses", "notebooks"),
            capabilities=("CHOWN", "DAC_OVERRIDE", "FOWNER"),  # it gives homes to their students
        ),
        depends_on=("proxy", "object-store", "mlflow"),
        secrets=("proxy-api-token", "exchange-hub-token", "formgrader-hub-token", "hub-admin-token"),
        web_page=_hub_page,
    ),
    Service(
        name="formgrader",
        group="core",
        title="Formgrader",
        ports=("formgrader",),
        command=_python_module("dataflow_hub.server.formgrader"),
        health=Probe("formgrader"),
        container=Container(
            "visualization",
            memory_mib=2048,  # a server each course
            writes=("",),
            checkout=("courses",),
            capabilities=("CHOWN", "DAC_OVERRIDE", "FOWNER"),  # a submission is run as a user of its own, and its tables are that user's
        ),
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
        container=Container("core", memory_mib=1024, writes=("data/kafka",), reads=("run/kafka",)),
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
        container=Container("processing", memory_mib=2048, writes=("run/live-orders",)),
        depends_on=("kafka", "object-store"),
        secrets=(*live_orders.SECRETS, LIVE.secret_name),
        environment=live_orders.environment,
        prepare=live_orders.prepare,
    ),
    Service(
        name="spark-master",
        group="processing",
        title="Spark cluster: master",
        ports=("spark_master", "spark_pages"),
        command=spark_cluster.master_command,
        health=Probe("spark_pages", "/json/"),
        container=Container("processing", memory_mib=768, reads=("run/spark",)),
        secrets=spark_cluster.SECRETS,
        environment=spark_cluster.environment,
        prepare=spark_cluster.prepare_master,
        in_all=False,  # a class does without: each kernel has a Spark of its own
    ),
    Service(
        name="auth-proxy",
        group="visualization",
        title="Login proxy of service pages",
        ports=("auth_proxy",),
        command=_python_module("dataflow_hub.server.auth_proxy"),
        health=Probe("auth_proxy", "/health"),
        container=Container("visualization", memory_mib=256),
        depends_on=("hub",),
        secrets=("prefect-hub-token", "streamlit-hub-token", "auth-proxy-cookie", "prefect-password", "streamlit-door-word"),
    ),
    Service(
        name="prefect",
        group="orchestration",
        title="Prefect",
        ports=("prefect",),
        command=prefect_server.command,
        health=Probe("prefect", "/api/health"),
        container=Container("ml", memory_mib=1024, writes=("data/prefect", "run/prefect-ui")),
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
        command=_python_module("dataflow_hub.pipelines.serve"),
        health=prefect_server.runner_health,
        container=Container("ml", memory_mib=1024, writes=("data/prefect",)),
        depends_on=("prefect", "object-store", "auth-proxy"),
        secrets=("prefect-password", FLOWS.secret_name),
        environment=prefect_server.client_environment,
    ),
    Service(
        name="streamlit",
        group="visualization",
        title="Dashboards (Streamlit)",
        ports=("streamlit",),
        command=streamlit_server.command,
        health=Probe("streamlit", f"{streamlit_server.PREFIX}/_stcore/health"),
        container=Container("visualization", memory_mib=768),
        depends_on=("object-store", "auth-proxy"),
        secrets=(*streamlit_server.SECRETS, DASHBOARDS.secret_name),
        environment=streamlit_server.environment,
        web_page=partial(_page, f"{streamlit_server.PREFIX}/"),
    ),
)


CATALOGUE += tuple(
    Service(
        name=f"spark-worker-{number}",
        group="processing",
        title=f"Spark cluster: worker {number}",
        ports=("spark_pages", "spark_workers"),
        port_spans={"spark_pages": range(number, number + 1), "spark_workers": range(number - 1, number)},
        command=spark_cluster.worker_command(number),
        health=Probe("spark_pages", "/json/", offset=number),
        container=Container("processing", memory_mib=1536, writes=(f"data/spark/worker-{number}",), reads=("run/spark",)),
        depends_on=("spark-master",),
        secrets=spark_cluster.SECRETS,
        environment=spark_cluster.worker_environment(number),
        prepare=spark_cluster.prepare_worker(number),
        in_all=False,
    )
    for number in spark_cluster.WORKERS
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


def select(words: Iterable[str], backend: str = "embedded") -> tuple[Service, ...]:
    """Give the services of the groups or names in `words`, with all they depend on, in starting order.

    Parameters
    ----------
    words
        None means what a class needs.
    backend
        As the setting says it: each has groups of its own.

    Raises
    ------
    SettingsError
        A word is neither a group, a service, nor `all`.
    """
    chosen: set[str] = set()
    for word in tuple(words) or DEFAULT_GROUPS[backend]:
        found = {service.name for service in CATALOGUE if word in _words(service, backend)}
        if not found:
            known = sorted({word for service in CATALOGUE for word in _words(service, backend)} - {"all"})
            raise SettingsError(f"There is no group or service {word}.", fix=f"One of: all, {', '.join(known)}.")
        chosen |= found
    return tuple(service for service in in_order(CATALOGUE) if service.name in _with_dependencies(chosen))


def implied(lab: Lab) -> tuple[str, ...]:
    """Give the services that nobody asks for, and that a lab with these settings wants all the same."""
    return ("gate", "docker-api") if lab.settings.sandbox.kind == "docker" else ()


def _words(service: Service, backend: str) -> set[str]:
    group = service.container.group if backend == "docker" else service.group
    return {service.name, group} | ({"all"} if service.in_all else set())


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
