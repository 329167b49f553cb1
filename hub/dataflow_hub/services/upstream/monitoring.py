"""What Prometheus scrapes and asks, and the alerts it raises. Every name of a metric below was read in the exporter's own source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dataflow_hub.services.compose_text import yaml_text
from dataflow_hub.services.upstream.endpoints import Endpoint, endpoints
from dataflow_hub.services.upstream.model import Port, Ports
from dataflow_hub.services.upstream.table import (
    ALERTMANAGER,
    BLACKBOX,
    HUB_TOKEN,
    LOGIN,
    MONITORING_PASSWORD,
    NODE_EXPORTER,
    PROMETHEUS,
    VICTORIALOGS,
)
from dataflow_hub.settings import Lab

SERVICES = "services"
_WIDTH = 200  # an expression stays on a line
# Of each job, the metrics that alerts and dashboards may use.
SCRAPED: Mapping[str, tuple[str, ...]] = {
    SERVICES: ("up", "probe_success", "probe_duration_seconds", "probe_ssl_earliest_cert_expiry"),
    "hub": (
        "up",
        "jupyterhub_running_servers",
        "jupyterhub_total_users",
        "jupyterhub_server_spawn_duration_seconds_bucket",
        "jupyterhub_server_spawn_duration_seconds_count",
        "jupyterhub_request_duration_seconds_bucket",
    ),
    "node": (
        "up",
        "node_cpu_seconds_total",
        "node_load1",
        "node_memory_MemAvailable_bytes",
        "node_memory_MemTotal_bytes",
        "node_filesystem_avail_bytes",
        "node_filesystem_size_bytes",
    ),
    "prometheus": ("up", "prometheus_tsdb_head_series"),
    "alertmanager": ("up", "alertmanager_notifications_failed_total"),
    "victorialogs": ("up", "vl_rows_ingested_total", "vl_free_disk_space_bytes"),
}
_LOGIN = {"username": LOGIN, "password_file": f"/run/secrets/{MONITORING_PASSWORD}"}
_OTHERS: Mapping[str, Port] = {
    "node": NODE_EXPORTER,
    "prometheus": PROMETHEUS,
    "alertmanager": ALERTMANAGER,
    "victorialogs": VICTORIALOGS,
}


# who asks for a server that is starting already is refused, and has one a moment later
_FAILED = 'jupyterhub_server_spawn_duration_seconds_count{job="hub",status!="success",reason!="already-pending"}'
_STARTED = 'jupyterhub_server_spawn_duration_seconds_bucket{job="hub",status="success"}'


@dataclass(frozen=True)
class Alert:
    """One alert; its runbook is `docs/runbooks/<name>.md`."""

    name: str
    expression: str
    minutes: int
    severity: str
    summary: str


ALERTS = (
    Alert(
        "ServiceDown",
        # Who was not up in a day is not missed: a lab starts what it was asked for, and no more.
        'probe_success{job="services"} == 0 and max_over_time(probe_success{job="services"}[1d]) == 1',
        minutes=2,
        severity="critical",
        summary="{{ $labels.service }} does not answer",
    ),
    Alert(
        "MetricsMissing",
        # The hub alone may be one that nobody started; the others are started together with Prometheus.
        'up{job!="hub"} == 0 or up{job="hub"} == 0 and on () probe_success{job="services",service="hub"} == 1',
        minutes=5,
        severity="warning",
        summary="Prometheus gets nothing from {{ $labels.job }} at {{ $labels.instance }}",
    ),
    Alert(
        "ServersFailToStart",
        f"round(sum(increase({_FAILED}[15m]))) > 2",  # rounded: `increase` extrapolates, and would make 2.07 of two
        minutes=0,
        severity="critical",
        summary="{{ $value | humanize }} students' servers failed to start within 15 minutes",
    ),
    Alert(
        "ServersStartSlowly",
        f"histogram_quantile(0.9, sum by (le) (rate({_STARTED}[15m]))) > 30",
        minutes=10,
        severity="warning",
        summary="One server in ten takes {{ $value | humanizeDuration }} or more to start",
    ),
    Alert(
        "DiskAlmostFull",
        'node_filesystem_avail_bytes{job="node",mountpoint="/state"} / node_filesystem_size_bytes{job="node",mountpoint="/state"} < 0.1',
        minutes=10,
        severity="critical",
        summary="{{ $value | humanizePercentage }} of the lab's disk is free",
    ),
    Alert(
        "MemoryShort",
        'node_memory_MemAvailable_bytes{job="node"} / node_memory_MemTotal_bytes{job="node"} < 0.08',
        minutes=10,
        severity="warning",
        summary="{{ $value | humanizePercentage }} of the machine's memory is available",
    ),
    Alert(
        "CertificateExpires",
        'probe_ssl_earliest_cert_expiry{job="services"} - time() < 14 * 24 * 3600',
        minutes=60,
        severity="warning",
        summary="The certificate of {{ $labels.service }} expires in {{ $value | humanizeDuration }}",
    ),
)


def prometheus(lab: Lab, ports: Ports) -> dict[str, str]:
    """Give Prometheus's files, by name."""
    content = {
        "global": {"scrape_interval": "30s", "evaluation_interval": "30s"},
        "rule_files": ["/etc/upstream/alerts.yml"],
        "alerting": {"alertmanagers": [{"basic_auth": _LOGIN, "static_configs": [_at(ports[ALERTMANAGER.variable])]}]},
        "scrape_configs": [_services(lab, ports), _hub(lab), *(_other(name, ports[port.variable]) for name, port in _OTHERS.items())],
    }
    return {"prometheus.yml": yaml_text(content, width=_WIDTH), "alerts.yml": yaml_text(_rules(), width=_WIDTH)}


def _rules() -> dict[str, Any]:
    return {"groups": [{"name": "lab", "rules": [_rule(alert) for alert in ALERTS]}]}


def _rule(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expression,
        "for": f"{alert.minutes}m",
        "labels": {"severity": alert.severity},
        "annotations": {"summary": alert.summary, "runbook": f"docs/runbooks/{alert.name}.md"},
    }


def _hub(lab: Lab) -> dict[str, Any]:
    """Ask the hub behind its front door, as its own service `prometheus`, whose token can do nothing else."""
    return {
        "job_name": "hub",
        "metrics_path": "/hub/metrics",
        "authorization": {"type": "Bearer", "credentials_file": f"/run/secrets/{HUB_TOKEN}"},
        "static_configs": [_at(lab.settings.ports.hub_api)],
    }


def _other(name: str, port: int) -> dict[str, Any]:
    return {"job_name": name, "basic_auth": _LOGIN, "static_configs": [_at(port)]}


def _services(lab: Lab, ports: Ports) -> dict[str, Any]:
    return {
        "job_name": SERVICES,
        "metrics_path": "/probe",
        "basic_auth": _LOGIN,
        "static_configs": [_probed(endpoint) for endpoint in endpoints(lab, ports)],
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["__param_target"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": f"127.0.0.1:{ports[BLACKBOX.variable]}"},
        ],
    }


def _probed(endpoint: Endpoint) -> dict[str, Any]:
    module = "http" if endpoint.http else "tcp"
    return {"targets": [endpoint.target], "labels": {"service": endpoint.service, "group": endpoint.group, "__param_module": module}}


def _at(port: int) -> dict[str, Any]:
    return {"targets": [f"127.0.0.1:{port}"]}
