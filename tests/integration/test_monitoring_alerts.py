"""Each alert with series that are made up, as promtool evaluates them."""

from dataclasses import dataclass, field

import pytest
import yaml
from tests.integration.prometheus_programs import RULES, require_programs, run

from dataflow_hub.services.upstream.monitoring import ALERTS

pytestmark = pytest.mark.integration
DAY = 24 * 3600


@pytest.fixture(scope="module", autouse=True)
def programs():
    require_programs()


@dataclass(frozen=True)
class Case:
    """Series with a sample every 30 s, in promtool's words; 20 s after `minutes` the alert fires with these labels, if it has a summary."""

    alert: str
    title: str
    series: dict[str, str]
    minutes: int = 20
    fires: dict[str, str] = field(default_factory=dict)
    summary: str = ""


def labels(**names):
    return "{" + ",".join(f'{name}="{value}"' for name, value in names.items()) + "}"


def up(job):
    return "up" + labels(job=job, instance="127.0.0.1:1")


def spawns(status, reason=""):
    return "jupyterhub_server_spawn_duration_seconds_count" + labels(job="hub", status=status, reason=reason)


def spawn_times(within_30, of):
    """Give spawns of each half minute: so many took 30 s or less, and all a minute or less."""
    name = "jupyterhub_server_spawn_duration_seconds_bucket"
    steps = {"30.0": within_30, "60.0": of, "+Inf": of}
    return {name + labels(job="hub", status="success", reason="", le=le): f"0+{count}x60" for le, count in steps.items()}


def disk(mountpoint, free):
    place = {"job": "node", "mountpoint": mountpoint}
    return {"node_filesystem_avail_bytes" + labels(**place): f"{free}x60", "node_filesystem_size_bytes" + labels(**place): "100x60"}


def memory(available):
    return {
        f"node_memory_{name}_bytes" + labels(job="node"): f"{value}x60" for name, value in (("MemAvailable", available), ("MemTotal", 100))
    }


MLFLOW = {"job": "services", "service": "mlflow", "group": "ml"}
PROBE = "probe_success" + labels(**MLFLOW)
HUB_PROBE = "probe_success" + labels(job="services", service="hub")
FRONT = {"job": "services", "service": "hub", "group": "visualization"}
EXPIRY = "probe_ssl_earliest_cert_expiry" + labels(**FRONT)
CASES = (
    Case("ServiceDown", "it stopped", {PROBE: "1x10 0x10"}, 9, MLFLOW, "mlflow does not answer"),
    Case("ServiceDown", "it answers", {PROBE: "1x40"}),
    Case("ServiceDown", "nobody ever started it", {PROBE: "0x40"}),
    Case("ServiceDown", "it was restarted", {PROBE: "1x10 0x3 1x20"}, 7),
    Case("ServiceDown", "it was stopped more than a day ago", {PROBE: "1x10 0x2990"}, 24 * 60 + 10),
    Case(
        "MetricsMissing",
        "it gave numbers",
        {up("node"): "1x10 0x20"},
        12,
        {"job": "node", "instance": "127.0.0.1:1"},
        "Prometheus gets nothing from node at 127.0.0.1:1",
    ),
    Case(
        "MetricsMissing",
        "it never gave numbers",
        {up("services"): "0x40"},
        12,
        {"job": "services", "instance": "127.0.0.1:1"},
        "Prometheus gets nothing from services at 127.0.0.1:1",
    ),
    Case(
        "MetricsMissing",
        "the hub answers and refuses the token",
        {up("hub"): "0x40", HUB_PROBE: "1x40"},
        12,
        {"job": "hub", "instance": "127.0.0.1:1"},
        "Prometheus gets nothing from hub at 127.0.0.1:1",
    ),
    Case("MetricsMissing", "all give numbers", {up("node"): "1x40", up("hub"): "1x40", HUB_PROBE: "1x40"}),
    Case("MetricsMissing", "nobody ever started the hub", {up("hub"): "0x40", HUB_PROBE: "0x40"}),
    Case("MetricsMissing", "the hub stopped, which ServiceDown tells", {up("hub"): "1x10 0x30", HUB_PROBE: "1x10 0x30"}),
    Case("MetricsMissing", "it was restarted", {up("node"): "1x10 0x4 1x20"}, 7),
    Case(
        "ServersFailToStart",
        "three failed",
        {spawns("error"): "0x10 1x3 2x3 3x20", spawns("failure"): "0x40"},
        15,
        {},
        "3 students' servers failed to start within 15 minutes",
    ),
    Case(
        "ServersFailToStart",
        "of several causes",
        {spawns("error"): "0x10 2x30", spawns("failure", "throttled"): "0x10 3x30"},
        15,
        {},
        "5 students' servers failed to start within 15 minutes",
    ),
    Case("ServersFailToStart", "two failed", {spawns("error"): "0x20 1x3 2x30"}, 18),
    Case("ServersFailToStart", "all started", {spawns("success"): "0+2x60", spawns("error"): "0x60"}),
    Case("ServersFailToStart", "three failed in an hour", {spawns("error"): "0x40 1x40 2x40 3x40"}, 70),
    Case("ServersFailToStart", "somebody asked again and again", {spawns("failure", "already-pending"): "0+1x60"}),
    Case("ServersStartSlowly", "one in five", spawn_times(8, 10), 25, {}, "One server in ten takes 45s or more to start"),
    Case("ServersStartSlowly", "one in twenty", spawn_times(19, 20)),
    Case("ServersStartSlowly", "nobody starts one", spawn_times(0, 0)),
    Case("DiskAlmostFull", "a twentieth", disk("/state", 5), 11, {"job": "node", "mountpoint": "/state"}, "5% of the lab's disk is free"),
    Case("DiskAlmostFull", "half", disk("/state", 50)),
    Case("DiskAlmostFull", "another disk", disk("/boot", 1)),
    Case("MemoryShort", "a twentieth", memory(5), 11, {"job": "node"}, "5% of the machine's memory is available"),
    Case("MemoryShort", "half", memory(50)),
    # promtool's clock starts at 0
    Case("CertificateExpires", "in ten days", {EXPIRY: f"{10 * DAY}x200"}, 60, FRONT, "The certificate of hub expires in 9d 22h 59m 40s"),
    Case("CertificateExpires", "in a month", {EXPIRY: f"{30 * DAY}x200"}, 60),
    Case("CertificateExpires", "there is none", {PROBE: "1x200"}, 60),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert}: {case.title}")
def test_an_alert_is_raised_when_it_should_and_only_then(case, tmp_path):
    """Prometheus's own tool evaluates the committed rules; labels, summary and runbook are those that a person gets."""
    alert = next(alert for alert in ALERTS if alert.name == case.alert)
    raised = {
        "exp_labels": {"severity": alert.severity, **case.fires},
        "exp_annotations": {"summary": case.summary, "runbook": f"docs/runbooks/{case.alert}.md"},
    }
    test = {
        "interval": "30s",
        "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
        "alert_rule_test": [
            {"alertname": case.alert, "eval_time": f"{case.minutes}m20s", "exp_alerts": [raised] if case.summary else []},
        ],
    }
    path = tmp_path / "test.yml"
    between_samples = "20s"  # as in life; on the very second of a sample, `increase` would extrapolate nothing
    path.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": between_samples, "tests": [test]}))
    run("promtool", "test", "rules", path)


def test_every_alert_has_a_case_that_raises_it_and_one_that_does_not():
    """Who adds an alert shows both."""
    names = {alert.name for alert in ALERTS}
    assert {case.alert for case in CASES if case.summary} == names
    assert {case.alert for case in CASES if not case.summary} == names
