"""The table: every upstream service there is. Versions are tags of the projects' own releases; no digest, for no registry was asked."""

from __future__ import annotations

from dataclasses import replace

from dataflow_hub.services.store_accounts import FLOWS
from dataflow_hub.services.upstream.model import Port, Upstream

LOGIN = "lab"  # user of all that only knows one login: Prometheus and what it scrapes
MONITORING_PASSWORD = "monitoring-password"  # noqa: S105 - the name of a secret
HUB_TOKEN = "prometheus-hub-token"  # noqa: S105 - the name of a secret
_MONITORING_FILE = f"/run/secrets/{MONITORING_PASSWORD}"

MINIO, MINIO_CONSOLE = Port("MINIO_PORT", 9010), Port("MINIO_CONSOLE_PORT", 9011)
KAFKA_UI = Port("KAFKA_UI_PORT", 8090)
CONSUL, CONSUL_SERVER, CONSUL_SERF = Port("CONSUL_PORT", 8500), Port("CONSUL_SERVER_PORT", 8300), Port("CONSUL_SERF_PORT", 8301)
NIFI = Port("NIFI_PORT", 8443)
AIRFLOW = Port("AIRFLOW_PORT", 8080)
GRAFANA = Port("GRAFANA_PORT", 3000)
PROMETHEUS = Port("PROMETHEUS_PORT", 9090)
ALERTMANAGER = Port("ALERTMANAGER_PORT", 9094)
BLACKBOX = Port("BLACKBOX_PORT", 9115)
NODE_EXPORTER = Port("NODE_EXPORTER_PORT", 9100)
VICTORIALOGS = Port("VICTORIALOGS_PORT", 9428)
VECTOR = Port("VECTOR_PORT", 8686)


def _answers(tool: str, port: Port, path: str) -> tuple[str, ...]:
    """Give a health check with what the image has for it."""
    argv = {"curl": ("curl", "-fsSk", "-o", "/dev/null"), "wget": ("wget", "-q", "-O", "/dev/null")}[tool]
    scheme = "https" if port is NIFI else "http"
    return ("CMD", *argv, f"{scheme}://127.0.0.1:{port}{path}")


def _asks_for_a_login(port: Port) -> tuple[str, ...]:
    """Give a health check without the password, which other users would see among the processes: 401 is the right answer."""
    return ("CMD-SHELL", f"wget -q -O /dev/null http://127.0.0.1:{port}/ 2>&1 | grep -q 401")


_WEB = "--web.config.file=/etc/upstream/web.yml"

# NiFi's own script takes both from its environment, and from no file. Without the file it does not start.
_NIFI_START = (
    "SINGLE_USER_CREDENTIALS_PASSWORD=$$(cat /run/secrets/nifi-password); "
    "NIFI_SENSITIVE_PROPS_KEY=$$(cat /run/secrets/nifi-properties-key); "
    "export SINGLE_USER_CREDENTIALS_PASSWORD NIFI_SENSITIVE_PROPS_KEY; "
    "exec ../scripts/start.sh"
)
_AIRFLOW_HOME = "/opt/airflow"
_AIRFLOW = {
    "AIRFLOW__CORE__DAGS_FOLDER": "/etc/upstream/dags",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    "AIRFLOW__CORE__PARALLELISM": "4",
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{AIRFLOW}/execution/",
    "AIRFLOW__CORE__FERNET_KEY_CMD": "cat /etc/upstream/fernet.key",
    "AIRFLOW__CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{LOGIN}:admin",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": f"{_AIRFLOW_HOME}/passwords.json",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_AIRFLOW_HOME}/airflow.db",
    "AIRFLOW__API__HOST": "127.0.0.1",
    "AIRFLOW__API__PORT": str(AIRFLOW),
    "AIRFLOW__API__SECRET_KEY_CMD": "cat /run/secrets/airflow-api-key",
    "AIRFLOW__API_AUTH__JWT_SECRET_CMD": "cat /run/secrets/airflow-jwt-secret",
    "UV_CACHE_DIR": f"{_AIRFLOW_HOME}/cache",  # of the tasks' own environments
    "LAB_S3_ENDPOINT": "http://127.0.0.1:${DATAFLOW__PORTS__S3}",
}


_AIRFLOW_API = Upstream(
    name="airflow",
    group="ml",
    title="Airflow: API and pages",
    image="apache/airflow:3.1.7",
    memory_mib=2048,
    ports=(AIRFLOW,),
    page="/api/v2/version",
    health=_answers("curl", AIRFLOW, "/api/v2/version"),
    command=("api-server", "--workers", "1"),
    environment={**_AIRFLOW, "_AIRFLOW_DB_MIGRATE": "true"},
    config="/etc/upstream",
    data=_AIRFLOW_HOME,
    secrets=("airflow-api-key", "airflow-jwt-secret", "airflow-password"),
    group_id=0,  # the image lets any uid in, if its group is 0
)


def _airflow(name: str, title: str, command: tuple[str, ...], job: str, memory_mib: int) -> Upstream:
    """Give one of Airflow's own processes beside its API server, which migrates the database before they start."""
    return replace(
        _AIRFLOW_API,
        name=name,
        title=title,
        memory_mib=memory_mib,
        ports=(),
        page="",
        health=("CMD", "airflow", "jobs", "check", "--job-type", job, "--local"),
        command=command,
        environment=_AIRFLOW,
        folder="airflow",
        secrets=("airflow-api-key", "airflow-jwt-secret", FLOWS.secret_name),
        depends_on=("airflow",),
    )


UPSTREAM: tuple[Upstream, ...] = (
    Upstream(
        name="minio",
        group="core",
        title="MinIO",
        image="quay.io/minio/minio:RELEASE.2025-04-22T22-12-26Z",
        memory_mib=1024,
        ports=(MINIO, MINIO_CONSOLE),
        page="/minio/health/live",
        health=_answers("curl", MINIO, "/minio/health/live"),
        command=("server", "/data", "--address", f"127.0.0.1:{MINIO}", "--console-address", f"127.0.0.1:{MINIO_CONSOLE}"),
        environment={"MINIO_ROOT_USER": LOGIN, "MINIO_ROOT_PASSWORD_FILE": "/run/secrets/minio-password", "MINIO_UPDATE": "off"},
        data="/data",
        secrets=("minio-password",),
    ),
    Upstream(
        name="kafka-ui",
        group="core",
        title="Kafka UI",
        image="ghcr.io/kafbat/kafka-ui:v1.4.2",
        memory_mib=768,
        ports=(KAFKA_UI,),
        page="/actuator/health",
        health=_answers("wget", KAFKA_UI, "/actuator/health"),
        environment={
            "SPRING_CONFIG_ADDITIONAL_LOCATION": "file:/etc/upstream/",
            "SERVER_PORT": str(KAFKA_UI),
            "LAB_KAFKA_PORT": "${DATAFLOW__PORTS__KAFKA}",
        },
        config="/etc/upstream",
        secrets=("kafka-ui-password", "kafka-admin-password"),
    ),
    Upstream(
        name="consul",
        group="core",
        title="Consul",
        image="hashicorp/consul:1.16.0",
        memory_mib=256,
        ports=(CONSUL, CONSUL_SERVER, CONSUL_SERF),
        page="/v1/status/leader",
        health=("CMD-SHELL", f"wget -q -O - http://127.0.0.1:{CONSUL}/v1/status/leader | grep -q :"),
        entrypoint=("consul",),  # the image's own would change to a user that cannot read the lab's files
        command=("agent", "-config-dir=/etc/upstream"),
        config="/etc/upstream",
        data="/consul/data",
    ),
    Upstream(
        name="nifi",
        group="processing",
        title="NiFi",
        image="apache/nifi:2.4.0",
        memory_mib=2560,
        ports=(NIFI,),
        health=_answers("curl", NIFI, "/nifi-api/authentication/configuration"),
        entrypoint=("sh", "-ec"),
        command=(_NIFI_START,),
        environment={
            "SINGLE_USER_CREDENTIALS_USERNAME": LOGIN,
            "NIFI_WEB_HTTPS_HOST": "127.0.0.1",
            "NIFI_WEB_HTTPS_PORT": str(NIFI),
            "NIFI_WEB_PROXY_HOST": f"localhost:{NIFI}",
            "NIFI_REMOTE_INPUT_HOST": "127.0.0.1",
            "NIFI_REMOTE_INPUT_SOCKET_PORT": " ",  # empty would be port 10000, on every address
            "NIFI_JVM_HEAP_INIT": "512m",
            "NIFI_JVM_HEAP_MAX": "1g",
        },
        volumes={
            f"nifi-{name.partition('_')[0]}": f"/opt/nifi/nifi-current/{name}"
            for name in (
                "conf",
                "database_repository",
                "flowfile_repository",
                "content_repository",
                "provenance_repository",
                "state",
                "logs",
            )
        },
        data="/landing",
        secrets=("nifi-password", "nifi-properties-key"),
        owner=1000,
        read_only=False,  # it unpacks its extensions and writes its settings where it is installed
    ),
    _AIRFLOW_API,
    # without the server of its logs, which would listen on every address: the pages read them from the shared folder
    _airflow("airflow-scheduler", "Airflow: scheduler", ("scheduler", "--skip-serve-logs"), "SchedulerJob", 2048),
    _airflow("airflow-dag-processor", "Airflow: reader of DAGs", ("dag-processor",), "DagProcessorJob", 1024),
    Upstream(
        name="prometheus",
        group="monitoring",
        title="Prometheus",
        image="quay.io/prometheus/prometheus:v3.5.0",
        memory_mib=1024,
        ports=(PROMETHEUS,),
        health=_asks_for_a_login(PROMETHEUS),
        command=(
            "--config.file=/etc/upstream/prometheus.yml",
            "--storage.tsdb.path=/prometheus",
            "--storage.tsdb.retention.time=30d",
            "--storage.tsdb.retention.size=5GB",
            f"--web.listen-address=127.0.0.1:{PROMETHEUS}",
            _WEB,
        ),
        config="/etc/upstream",
        data="/prometheus",
        secrets=(MONITORING_PASSWORD, HUB_TOKEN),
    ),
    Upstream(
        name="alertmanager",
        group="monitoring",
        title="Alertmanager",
        image="quay.io/prometheus/alertmanager:v0.28.1",
        memory_mib=256,
        ports=(ALERTMANAGER,),
        health=_asks_for_a_login(ALERTMANAGER),
        command=(
            "--config.file=/etc/upstream/alertmanager.yml",
            "--storage.path=/alertmanager",
            f"--web.listen-address=127.0.0.1:{ALERTMANAGER}",
            "--cluster.listen-address=",  # alone: its port for others would be open on every address
            _WEB,
        ),
        config="/etc/upstream",
        data="/alertmanager",
        given=("alert-webhook-url",),
    ),
    Upstream(
        name="blackbox",
        group="monitoring",
        title="Blackbox exporter: does each service answer",
        image="quay.io/prometheus/blackbox-exporter:v0.27.0",
        memory_mib=128,
        ports=(BLACKBOX,),
        health=_asks_for_a_login(BLACKBOX),
        command=("--config.file=/etc/upstream/blackbox.yml", f"--web.listen-address=127.0.0.1:{BLACKBOX}", _WEB),
        config="/etc/upstream",
    ),
    Upstream(
        name="node-exporter",
        group="monitoring",
        title="Node exporter: the machine's processors, memory, and the lab's disk",
        image="quay.io/prometheus/node-exporter:v1.9.1",
        memory_mib=128,
        ports=(NODE_EXPORTER,),
        health=_asks_for_a_login(NODE_EXPORTER),
        command=(
            "--collector.disable-defaults",
            *(f"--collector.{name}" for name in ("cpu", "meminfo", "loadavg", "filesystem")),
            f"--web.listen-address=127.0.0.1:{NODE_EXPORTER}",
            _WEB,
        ),
        config="/etc/upstream",
        data="/state",  # an empty folder of the lab's disk: enough to see how full that is, and nothing of what is on it
    ),
    Upstream(
        name="grafana",
        group="monitoring",
        title="Grafana",
        image="grafana/grafana:12.3.1",
        memory_mib=512,
        ports=(GRAFANA,),
        page="/api/health",
        health=_answers("wget", GRAFANA, "/api/health"),
        environment={
            "GF_SERVER_HTTP_ADDR": "127.0.0.1",
            "GF_SERVER_HTTP_PORT": str(GRAFANA),
            "GF_SECURITY_ADMIN_USER": LOGIN,
            "GF_SECURITY_ADMIN_PASSWORD__FILE": "/run/secrets/grafana-password",
            "GF_PATHS_PROVISIONING": "/etc/upstream/provisioning",
            "GF_USERS_ALLOW_SIGN_UP": "false",
            "GF_METRICS_ENABLED": "false",
            "GF_ANALYTICS_REPORTING_ENABLED": "false",
            "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
            "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
            "GF_PLUGINS_PREINSTALL_DISABLED": "true",
            "GF_LOG_MODE": "console",
            "PROMETHEUS_PORT": str(PROMETHEUS),
        },
        config="/etc/upstream",
        data="/var/lib/grafana",
        secrets=("grafana-password", MONITORING_PASSWORD),
        depends_on=("prometheus",),
    ),
    Upstream(
        name="victorialogs",
        group="monitoring",
        title="VictoriaLogs",
        image="victoriametrics/victoria-logs:v1.26.0",
        memory_mib=512,
        ports=(VICTORIALOGS,),
        page="/health",
        health=_answers("wget", VICTORIALOGS, "/health"),
        command=(
            "-storageDataPath=/data",
            "-retentionPeriod=30d",
            f"-httpListenAddr=127.0.0.1:{VICTORIALOGS}",
            f"-httpAuth.username={LOGIN}",
            f"-httpAuth.password=file://{_MONITORING_FILE}",
        ),
        data="/data",
        secrets=(MONITORING_PASSWORD,),
    ),
    Upstream(
        name="vector",
        group="monitoring",
        title="Vector: carries the lab's logs to VictoriaLogs",
        image="timberio/vector:0.49.0-alpine",
        memory_mib=256,
        ports=(VECTOR,),
        page="/health",
        health=_answers("wget", VECTOR, "/health"),
        command=("--config", "/etc/upstream/vector.yaml"),
        environment={"VECTOR_PORT": str(VECTOR), "VICTORIALOGS_PORT": str(VICTORIALOGS)},
        config="/etc/upstream",
        data="/var/lib/vector",
        reads={"logs": "/logs"},
        secrets=(MONITORING_PASSWORD,),
        depends_on=("victorialogs",),
    ),
)
