"""A real Prometheus and its exporters watch a real lab, with the configuration that their containers get."""

import base64
import json
import re
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.integration.prometheus_programs import RULES, require_programs, run
from tests.integration.services_lab import free_ports

from dataflow_hub.operations import lab as operations
from dataflow_hub.sandbox import bubblewrap
from dataflow_hub.secrets import secret
from dataflow_hub.services.certificates import ensure_certificates
from dataflow_hub.services.upstream.dashboard import PANELS
from dataflow_hub.services.upstream.endpoints import endpoints
from dataflow_hub.services.upstream.monitoring import ALERTS
from dataflow_hub.services.upstream.prepare import FOLDER, chosen_ports, prepare
from dataflow_hub.services.upstream.table import ALERTMANAGER, BLACKBOX, HUB_TOKEN, LOGIN, MINIO, MONITORING_PASSWORD, PROMETHEUS, UPSTREAM
from dataflow_hub.workspace import CHECKOUT

pytestmark = pytest.mark.integration
# Of the containers that are tried here, the program that each runs.
PROGRAMS = {"prometheus": "prometheus", "blackbox": "prometheus-blackbox-exporter", "node-exporter": "prometheus-node-exporter"}
DAY = 24 * 3600


@pytest.fixture(scope="module", autouse=True)
def programs():
    require_programs()


@contextmanager
def web_server(port, context=None):
    """Give what was posted, with the login of each, while a server answers 200 to everybody."""
    posted = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def do_POST(self):
            content = self.rfile.read(int(self.headers["Content-Length"]))
            posted.append((self.path, self.headers["Authorization"], json.loads(content)))
            self.do_GET()

        def log_message(self, *_words):
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield posted
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def running(argv, log):
    """Run a program that ends with the test, and with the tests' own process however that ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *argv], stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(condition, seconds=40):
    """Give what `condition` gives as soon as that is something."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def get(url, authorization=""):
    """Give status and text of an answer; 0 when there is none."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": authorization}), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""
    except OSError:
        return 0, ""


@dataclass
class Monitoring:
    """Prometheus and its exporters over a lab; `alerts` are the messages to Alertmanager, `minio` ends a stand-in for MinIO."""

    lab: object
    ports: dict
    alerts: list
    minio: ExitStack

    @property
    def login(self):
        pair = f"{LOGIN}:{secret(self.lab.workspace, MONITORING_PASSWORD)}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    def address(self, port):
        return f"http://127.0.0.1:{self.ports[port.variable]}"

    def api(self, path, **words):
        status, text = get(f"{self.address(PROMETHEUS)}/api/v1/{path}?{urllib.parse.urlencode(words)}", self.login)
        assert status == 200, (path, words, status)
        return json.loads(text)["data"]

    def query(self, expression):
        return self.api("query", query=expression)["result"]

    def down(self):
        """Give ServiceDown's alerts by service."""
        return {each["labels"]["service"]: each for each in self.api("alerts")["alerts"] if each["labels"]["alertname"] == "ServiceDown"}


def argv_of(service, lab, ports):
    """Give the words that the service's container runs, with this machine's paths in place of the container's."""
    folder, data = lab.workspace.run / FOLDER / service.product, lab.workspace.data / service.product
    words = [re.sub(r"\$\{(\w+):-\d+\}", lambda found: str(ports[found[1]]), word) for word in service.command]
    return [PROGRAMS[service.name], *(word.replace("=/prometheus", f"={data}").replace(service.config, str(folder)) for word in words)]


def beside_a_disk(folder):
    """Give the words that run a program which sees a disk at `/state`, as node exporter's container does.

    It is one in memory: a container's own, where tests may run, is an overlay, of which the exporter tells nothing.
    """
    merged = (word for name in ("bin", "lib", "lib64") for word in ("--symlink", f"usr/{name}", f"/{name}"))
    seen = (word for path in ("/usr", "/sys", str(folder)) for word in ("--ro-bind", path, path))
    return [bubblewrap.binary(), "--die-with-parent", "--unshare-pid", *seen, *merged, "--proc", "/proc", "--tmpfs", "/state"]


def configured(lab, ports, services):
    """Make what the containers mount, with this machine's paths in place of theirs; and quicker, since a test waits for it."""
    prepare(lab, services, ports)
    folder = lab.workspace.run / FOLDER / "prometheus"
    for name in ("prometheus.yml", "alerts.yml"):
        text = (folder / name).read_text().replace("/etc/upstream", str(folder)).replace("/run/secrets", str(lab.workspace.secrets))
        quick = re.sub(r"(scrape|evaluation)_interval: 30s", r"\1_interval: 2s", text).replace("for: 2m", "for: 5s")
        (folder / name).write_text(quick)
    return folder


@pytest.fixture(scope="module")
def monitoring(running_lab, tmp_path_factory):
    services = [service for service in UPSTREAM if service.name in PROGRAMS]
    variables = [port.variable for service in UPSTREAM for port in service.ports]
    first = free_ports(len(variables))
    ports = chosen_ports({name: str(first + offset) for offset, name in enumerate(variables)})
    folder, logs = configured(running_lab, ports, services), tmp_path_factory.mktemp("logs")
    with ExitStack() as stack:
        alerts = stack.enter_context(web_server(ports[ALERTMANAGER.variable]))
        minio = stack.enter_context(ExitStack())
        minio.enter_context(web_server(ports[MINIO.variable]))
        for service in services:
            around = beside_a_disk(folder.with_name("node-exporter")) if service.name == "node-exporter" else []
            stack.enter_context(running([*around, *argv_of(service, running_lab, ports)], logs / service.name))
        made = Monitoring(running_lab, ports, alerts, minio)
        for service in services:
            until(lambda port=service.ports[0]: get(f"{made.address(port)}/metrics", made.login)[0] == 200)
        yield made


def test_the_programs_accept_the_configuration(monitoring):
    """Prometheus's with its rules and the files that it names, and the exporter's; and the files with which they ask for a login."""
    folder = monitoring.lab.workspace.run / FOLDER
    assert f"{len(ALERTS)} rules found" in run("promtool", "check", "config", folder / "prometheus" / "prometheus.yml")
    run("promtool", "check", "rules", RULES)
    run("prometheus-blackbox-exporter", "--config.check", f"--config.file={folder / 'blackbox' / 'blackbox.yml'}")
    for product in PROGRAMS:
        run("promtool", "check", "web-config", folder / product / "web.yml")


def test_nobody_reads_the_numbers_without_the_password(monitoring):
    """Other users of the machine reach loopback, too."""
    for service in (each for each in UPSTREAM if each.name in PROGRAMS):
        assert get(f"{monitoring.address(service.ports[0])}/metrics")[0] == 401


def test_each_started_service_answers_its_probe(monitoring):
    """What `./lab status` calls healthy Prometheus does too, under the service's name and group; what was never started does not answer."""
    healthy = {row.name for row in operations.status(monitoring.lab) if row.healthy and row.ports} | {"minio"}
    assert {"object-store", "object-store-console", "mlflow", "exchange", "hub", "formgrader", "proxy"} <= healthy
    known = {each.service: each for each in endpoints(monitoring.lab, monitoring.ports)}

    expected = {name: str(int(name in healthy)) for name in known}
    until(lambda: {each["metric"]["service"]: each["value"][1] for each in monitoring.query("probe_success")} == expected)
    found = {each["metric"]["service"]: each["metric"] for each in monitoring.query("probe_success")}
    for name, metric in found.items():
        place = {"service": name, "group": known[name].group, "instance": known[name].target}
        assert metric == {"__name__": "probe_success", "job": "services", **place}


def test_the_hub_gives_its_numbers_for_prometheuss_token_only(monitoring):
    """Without a token, or with another service's, it refuses; what it gives names nobody."""
    until(lambda: monitoring.query('up{job="hub"} == 1'))
    workspace = monitoring.lab.workspace
    address = f"http://127.0.0.1:{monitoring.lab.settings.ports.hub_api}/hub/metrics"
    assert get(address)[0] == 403
    assert get(address, f"Bearer {secret(workspace, 'exchange-hub-token')}")[0] == 403
    assert get(address, f"Bearer {secret(workspace, HUB_TOKEN)}")[0] == 200
    assert get(address.replace("metrics", "api/users"), f"Bearer {secret(workspace, HUB_TOKEN)}")[0] == 403


NOT_HERE = ("alertmanager", "victorialogs")
QUERIES = [query for panel in PANELS for query, _legend in panel.queries]


@pytest.mark.parametrize("query", QUERIES)
def test_prometheus_answers_each_query_of_the_dashboard(monitoring, query):
    """With data, where what it is about runs here."""
    if any(f'job="{job}"' in query for job in NOT_HERE):
        assert monitoring.query(query) == []
    else:
        until(lambda: monitoring.query(query))


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_prometheus_has_the_series_that_an_alert_is_about(monitoring, alert):
    """An alert about series that there never are would stay silent for ever. Certificates have a test of their own: this lab has none."""
    assert alert.name in {rule["name"] for rule in monitoring.api("rules")["groups"][0]["rules"]}
    monitoring.query(alert.expression)
    for selector in re.findall(r"\w+\{[^}]*\}", alert.expression):
        if alert.name != "CertificateExpires":
            until(lambda asked=selector: monitoring.query(asked))


def test_a_certificates_last_day_is_seen_though_nobody_vouches_for_it(monitoring, tmp_path):
    """The front door is asked by its address, and may have a certificate of the school's own."""
    ensure_certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "node.crt", tmp_path / "node.key")
    port = free_ports(1)
    with web_server(port, context):
        question = urllib.parse.urlencode({"module": "http", "target": f"https://127.0.0.1:{port}/hub/health"})
        _status, text = get(f"{monitoring.address(BLACKBOX)}/probe?{question}", monitoring.login)
    numbers = dict(re.findall(r"^(\w+) (\S+)$", text, re.MULTILINE))
    assert numbers["probe_success"] == "1"
    assert float(numbers["probe_ssl_earliest_cert_expiry"]) > time.time() + 3000 * DAY


def test_a_service_that_stops_is_told_with_its_runbook(monitoring):
    """First it is waited whether it comes back; then Alertmanager gets it. Nobody is told of what was never started."""
    until(lambda: monitoring.query('probe_success{service="minio"} == 1'))
    monitoring.minio.close()
    until(lambda: monitoring.down().get("minio", {}).get("state") == "firing")
    assert monitoring.query('ALERTS{alertname="ServiceDown",service="minio",alertstate="pending"}[5m]')

    def told():
        messages = [
            each for path, login, sent in monitoring.alerts if (path, login) == ("/api/v2/alerts", monitoring.login) for each in sent
        ]
        return next((each for each in messages if each["labels"].get("service") == "minio"), None)

    alert = until(told)
    assert alert["labels"].items() >= {"alertname": "ServiceDown", "severity": "critical", "group": "core", "job": "services"}.items()
    assert alert["annotations"] == {"summary": "minio does not answer", "runbook": "docs/runbooks/ServiceDown.md"}
    assert (CHECKOUT / alert["annotations"]["runbook"]).is_file()
    assert "kafka" not in monitoring.down()
