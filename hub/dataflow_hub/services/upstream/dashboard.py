"""Grafana's dashboard of the lab, out of a table of panels."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

DATASOURCE = "lab-prometheus"
_COLUMNS, _WIDTH, _HEIGHT = 3, 8, 8


@dataclass(frozen=True)
class Panel:
    """One panel: what it shows, its queries with the legend of each, and the unit in Grafana's words."""

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    kind: str = "timeseries"


def _spawn_quantile(share: float) -> tuple[str, str]:
    buckets = 'rate(jupyterhub_server_spawn_duration_seconds_bucket{job="hub",status="success"}[15m])'
    return f"histogram_quantile({share}, sum by (le) ({buckets}))", f"{share:.0%}"


_IDLE = 'avg(rate(node_cpu_seconds_total{job="node",mode="idle"}[5m]))'
_REQUESTS = 'sum by (le) (rate(jupyterhub_request_duration_seconds_bucket{job="hub"}[5m]))'
PANELS = (
    Panel("Services that answer", (('probe_success{job="services"}', "{{service}}"),), kind="state-timeline"),
    Panel("Students' servers", (('jupyterhub_running_servers{job="hub"}', "running"), ('jupyterhub_total_users{job="hub"}', "accounts"))),
    Panel("Time to start a server", (_spawn_quantile(0.5), _spawn_quantile(0.9)), unit="s"),
    Panel(
        "Servers started, by outcome, in 15 minutes",
        (('sum by (status) (increase(jupyterhub_server_spawn_duration_seconds_count{job="hub"}[15m]))', "{{status}}"),),
    ),
    Panel("The hub's answers, slowest tenth", ((f"histogram_quantile(0.9, {_REQUESTS})", "90%"),), unit="s"),
    Panel("Answer time of services", (('probe_duration_seconds{job="services"}', "{{service}}"),), unit="s"),
    Panel("Processors in use", ((f"1 - {_IDLE}", "in use"),), unit="percentunit"),
    Panel(
        "Memory",
        (('node_memory_MemAvailable_bytes{job="node"}', "available"), ('node_memory_MemTotal_bytes{job="node"}', "all")),
        unit="bytes",
    ),
    Panel(
        "The lab's disk",
        (
            ('node_filesystem_avail_bytes{job="node",mountpoint="/state"}', "free"),
            ('node_filesystem_size_bytes{job="node",mountpoint="/state"}', "all"),
        ),
        unit="bytes",
    ),
    Panel("Lines of log a second", (('sum(rate(vl_rows_ingested_total{job="victorialogs"}[5m]))', "lines"),)),
    Panel(
        "Alerts that were not delivered",
        (('sum(increase(alertmanager_notifications_failed_total{job="alertmanager"}[1h]))', "in an hour"),),
    ),
    Panel("Series that Prometheus keeps", (('prometheus_tsdb_head_series{job="prometheus"}', "series"),)),
)


def render() -> str:
    """Give the dashboard's JSON."""
    content = {
        "uid": "dataflow-lab",
        "title": "DataFlow Lab",
        "tags": ["dataflow-lab"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "panels": [_panel(number, panel) for number, panel in enumerate(PANELS)],
    }
    return json.dumps(content, indent=2) + "\n"


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(number, _COLUMNS)
    source = {"type": "prometheus", "uid": DATASOURCE}
    return {
        "id": number + 1,
        "title": panel.title,
        "type": panel.kind,
        "datasource": source,
        "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": source, "expr": expression, "legendFormat": legend}
            for index, (expression, legend) in enumerate(panel.queries)
        ],
    }
