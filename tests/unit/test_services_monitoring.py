"""Monitoring's configuration agrees with itself: jobs, metrics, alerts, runbooks, dashboards.

Prometheus itself reads it in `tests/integration/test_monitoring.py`.
"""

import json
import re

import pytest
import yaml

from dataflow_hub.services.catalogue import CATALOGUE
from dataflow_hub.services.upstream import dashboard, monitoring
from dataflow_hub.services.upstream.endpoints import endpoints
from dataflow_hub.services.upstream.prepare import chosen_ports
from dataflow_hub.services.upstream.table import UPSTREAM
from dataflow_hub.settings import load_lab
from dataflow_hub.workspace import CHECKOUT

MOUNTED = CHECKOUT / "images" / "upstream"
SCRAPE = yaml.safe_load((MOUNTED / "prometheus" / "prometheus.yml").read_text())
RULES = yaml.safe_load((MOUNTED / "prometheus" / "alerts.yml").read_text())["groups"][0]["rules"]
PANELS = json.loads((MOUNTED / "grafana" / "dashboards" / "lab.json").read_text())["panels"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
WORDS = {"sum", "by", "le", "rate", "increase", "avg", "histogram_quantile", "round", "and", "or", "on", "time", "max_over_time", "status"}


def selections(expression):
    """Each name in an expression that is no word of the language, with the jobs of which it is asked."""
    for name, braces in re.findall(r"([a-z_]\w*)(?:\{([^}]*)\})?", re.sub(r"\[[^]]*\]", "", expression)):
        if name not in WORDS:
            yield name, re.findall(r'\bjob="([^"]*)"', braces)


@pytest.mark.parametrize("expression", [*(rule["expr"] for rule in RULES), *QUERIES])
def test_an_expression_uses_what_is_scraped(expression):
    """Each metric is of the job that it is asked of; where no job is named, all have it."""
    found = list(selections(expression))
    assert found
    for name, jobs in found:
        assert all(name in monitoring.SCRAPED[job] for job in jobs or monitoring.SCRAPED), name


def test_the_table_of_metrics_is_of_the_jobs_that_there_are():
    assert {job["job_name"] for job in SCRAPE["scrape_configs"]} == set(monitoring.SCRAPED)


def test_the_hubs_metrics_exist():
    """JupyterHub itself knows the names; a histogram has buckets and a count."""
    import jupyterhub.metrics  # noqa: F401 - it registers them
    from prometheus_client import REGISTRY

    known = {metric.name for metric in REGISTRY.collect()}
    for name in monitoring.SCRAPED["hub"]:
        assert name == "up" or re.sub(r"_(bucket|count)$", "", name) in known


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_has_a_runbook_that_says_what_to_do(rule):
    """Who is woken finds what it means, where to look and what to do."""
    text = (CHECKOUT / rule["annotations"]["runbook"]).read_text()
    assert text.startswith(f"# {rule['alert']}\n")
    assert "**Look.**" in text
    assert "**Do.**" in text
    assert rule["labels"]["severity"] in {"warning", "critical"}


def test_there_is_no_runbook_of_an_alert_that_is_gone():
    assert {path.stem for path in (CHECKOUT / "docs" / "runbooks").glob("*.md")} == {rule["alert"] for rule in RULES}


def test_runbooks_name_commands_and_pages_that_exist():
    """Links lead somewhere."""
    for path in (CHECKOUT / "docs" / "runbooks").glob("*.md"):
        for link in re.findall(r"\]\(([^)#]+)", path.read_text()):
            assert (path.parent / link).is_file(), link


def test_every_service_with_a_port_is_asked_whether_it_answers():
    """In the catalogue's own way: where it has a page for that, the page."""
    lab, ports = load_lab(environ={}), chosen_ports({})
    asked = {each.service: each for each in endpoints(lab, ports)}
    assert {service.name for service in CATALOGUE if service.ports} <= set(asked)
    assert {service.name for service in UPSTREAM if service.page} <= set(asked)
    assert asked["mlflow"].target == "http://127.0.0.1:5000/health"
    assert asked["kafka"].target == "127.0.0.1:9092"


def test_a_front_door_with_tls_is_asked_with_tls(tmp_path):
    """Else its certificate's last day would not be seen."""
    tls = {"DATAFLOW__TLS__CERTIFICATE": "/lab.pem", "DATAFLOW__TLS__KEY": "/lab.key", "DATAFLOW__HUB__BIND": "0.0.0.0"}
    lab = load_lab(state=tmp_path, environ=tls)
    assert {each.service: each.target for each in endpoints(lab, chosen_ports({}))}["hub"] == "https://127.0.0.1:8000/hub/health"


def test_probes_use_modules_that_the_exporter_has():
    modules = yaml.safe_load((MOUNTED / "blackbox" / "blackbox.yml").read_text())["modules"]
    targets = next(job for job in SCRAPE["scrape_configs"] if job["job_name"] == monitoring.SERVICES)["static_configs"]
    assert {each["labels"]["__param_module"] for each in targets} == set(modules)


def test_alerts_go_to_the_webhook_that_a_person_gives():
    """The route's receiver exists, and its address is read from a file."""
    content = yaml.safe_load((MOUNTED / "alertmanager" / "alertmanager.yml").read_text())
    receivers = {each["name"]: each for each in content["receivers"]}
    assert receivers[content["route"]["receiver"]]["webhook_configs"][0]["url_file"] == "/run/secrets/alert-webhook-url"


def test_grafana_finds_its_source_and_its_dashboards():
    """The panels ask the provisioned source, and the provider looks where the dashboard is mounted."""
    provisioning = MOUNTED / "grafana" / "provisioning"
    source = yaml.safe_load((provisioning / "datasources" / "lab.yaml").read_text())["datasources"][0]
    assert source["uid"] == dashboard.DATASOURCE == PANELS[0]["datasource"]["uid"]
    provider = yaml.safe_load((provisioning / "dashboards" / "lab.yaml").read_text())["providers"][0]
    grafana = next(each for each in UPSTREAM if each.name == "grafana")
    assert provider["options"]["path"] == f"{grafana.config}/dashboards"
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in PANELS]
    assert len(set(places)) == len(places) == len({panel["id"] for panel in PANELS})
