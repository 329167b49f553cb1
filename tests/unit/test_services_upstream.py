"""Services of others' images: their Compose files are in step, valid, closed and hold no secret. None of them is run."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dataflow_hub.errors import MissingError, SettingsError
from dataflow_hub.operations import images
from dataflow_hub.secrets import secret
from dataflow_hub.services import compose_file as own_file
from dataflow_hub.services.catalogue import CATALOGUE
from dataflow_hub.services.upstream import compose_file
from dataflow_hub.services.upstream.prepare import chosen, chosen_ports, prepare
from dataflow_hub.services.upstream.table import UPSTREAM
from dataflow_hub.settings import Ports, load_lab
from dataflow_hub.workspace import CHECKOUT

IMAGES = CHECKOUT / "images"
COMPOSE = Path(sys.executable).with_name("docker-compose")
GROUPS = compose_file.groups(UPSTREAM)
OWN = [own_file.file_name(group) for group in own_file.groups(CATALOGUE)]
FILES = [compose_file.file_name(group) for group in GROUPS]
CONFIGURATION = sorted(path for path in (IMAGES / "upstream").rglob("*") if path.is_file())
NAMES = [service.name for service in UPSTREAM]


def found(name):
    service = next(each for each in UPSTREAM if each.name == name)
    return yaml.safe_load((IMAGES / compose_file.file_name(service.group)).read_text())["services"][name]


def everything(name):
    """All that a service is told: its words, its variables, the configuration that it mounts."""
    made = found(name)
    words = [*made.get("command", ()), *made.get("entrypoint", ()), *made["healthcheck"]["test"], *made.get("environment", {}).values()]
    product = next(each for each in UPSTREAM if each.name == name).product
    files = [path.read_text() for path in CONFIGURATION if path.relative_to(IMAGES / "upstream").parts[0] == product]
    return "\n".join([*words, *files])


def mounted_by(product):
    return {name for each in UPSTREAM if each.product == product for name in (*each.secrets, *each.given)}


@pytest.fixture
def lab(tmp_path):
    lab = load_lab(state=tmp_path / "state", environ={})
    lab.workspace.prepare()
    return lab


def ready(lab, *groups, **ports):
    secret_file = lab.workspace.secrets / "alert-webhook-url"
    secret_file.write_text("http://127.0.0.1:9/alerts\n")
    services = [service for service in chosen(groups) if service.owner in {None, os.geteuid()} or os.geteuid() == 0]
    return prepare(lab, services, chosen_ports({name: str(port) for name, port in ports.items()}))


@pytest.mark.parametrize("name", sorted(images.committed()))
def test_what_is_made_and_committed_is_in_step(name):
    """Who changes the catalogue, the table or what is made of them runs ./lab images compose."""
    assert (IMAGES / name).read_text() == images.committed()[name]


def test_there_is_no_file_of_a_group_that_is_gone():
    assert {each.name for each in IMAGES.glob("compose.upstream.*.yaml")} == set(FILES)


@pytest.mark.parametrize("files", [*([file] for file in FILES), FILES, [*OWN, *FILES]], ids=["one" for _ in FILES] + ["all", "with-own"])
def test_compose_itself_finds_them_valid(files, lab, tmp_path):
    """Each file alone, all together, and with the lab's own, with the variables that `./lab images upstream` writes."""
    variables = ready(lab, "monitoring")
    settings = lab.workspace.run / "compose" / "settings.env"
    settings.parent.mkdir()
    settings.touch()
    others = ("DATAFLOW_CHECKOUT", "DATAFLOW_CACHE", "DATAFLOW_DOCKER_SOCKET", "DATAFLOW_DOCKER_GID", "DATAFLOW_IMAGE")
    environ = {"PATH": os.environ["PATH"], **dict.fromkeys(others, "/srv/lab")}
    argv = [COMPOSE, "--env-file", variables, *(word for file in files for word in ("--file", IMAGES / file))]
    done = subprocess.run([*argv, "config", "--quiet"], capture_output=True, text=True, env=environ)
    assert (done.returncode, done.stderr) == (0, "")


def test_compose_refuses_where_nothing_was_made_ready():
    """Without the lab's user a container would run as root, and find no secret."""
    done = subprocess.run(
        [COMPOSE, "--file", IMAGES / FILES[0], "config", "--quiet"],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "DATAFLOW_LAB_ID": "0123"},
    )
    assert done.returncode != 0
    assert "./lab images upstream" in done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_of_one_version_and_of_no_invented_digest(name):
    """No registry was asked, so there is no digest to pin by; a tag that moves is no version."""
    image = found(name)["image"]
    assert "@" not in image
    assert re.fullmatch(r"v?\d+\.\d+\.\d+(-alpine)?|RELEASE\.[\dTZ-]+", image.rpartition(":")[2])


@pytest.mark.parametrize("name", NAMES)
def test_a_container_may_do_nothing_but_serve(name):
    """No capability, no way to gain one, limits, a health check, no more of the lab than its own folders."""
    service = next(each for each in UPSTREAM if each.name == name)
    made = found(name)
    assert made["cap_drop"] == ["ALL"]
    assert "cap_add" not in made
    assert made["security_opt"] == ["no-new-privileges:true"]
    assert made["mem_limit"]
    assert made["pids_limit"]
    assert made["healthcheck"]["test"]
    assert made["read_only"] is (name != "nifi")
    mounted = {each["source"] for each in made["volumes"] if each["type"] == "bind" and not each["read_only"]}
    assert mounted <= {f"${{DATAFLOW_STATE}}/data/{service.product}"}
    assert not {"${DATAFLOW_STATE}", "${DATAFLOW_STATE}/secrets", "${DATAFLOW_STATE}/homes"} & {each["source"] for each in made["volumes"]}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_published_and_every_address_is_loopback(name):
    """The front door stays the one thing that others may reach."""
    made = found(name)
    assert made["network_mode"] == "host"
    assert "ports" not in made
    text = everything(name)
    assert "0.0.0.0" not in text
    assert set(re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", text)) <= {"127.0.0.1"}


@pytest.mark.parametrize("name", NAMES)
def test_a_secret_is_a_file_and_never_a_word(name):
    """What an image calls a password, key, token or secret is the path of a file, or a command that reads one; each file is mounted."""
    service = next(each for each in UPSTREAM if each.name == name)
    made = found(name)
    assert set(made.get("secrets", ())) == {*service.secrets, *service.given}
    assert set(re.findall(r"/run/secrets/([a-z0-9-]+)", everything(name))) <= mounted_by(service.product)
    for key, value in made.get("environment", {}).items():
        if re.search(r"PASSWORD|SECRET|KEY|TOKEN", key):
            assert value.startswith(("/run/secrets/", "cat /run/secrets/", "cat /etc/upstream/", "/opt/airflow/")), key


@pytest.mark.parametrize("path", CONFIGURATION, ids=lambda path: str(path.relative_to(IMAGES)))
def test_configuration_parses_and_holds_no_password(path):
    """YAML, JSON or Python; where it says password, it says where that is."""
    text = path.read_text()
    if path.suffix == ".py":
        compile(text, path, "exec")
    elif path.suffix == ".json":
        json.loads(text)
    else:
        yaml.safe_load(text)
    allowed = ("${", "/run/secrets/", "SECRET[", "$__file{")
    for line in text.splitlines():
        if re.match(r"\s*\S*(password|secret|token)\S*\s*[:=]\s*\S", line, re.IGNORECASE):
            assert any(word in line for word in allowed), line


def test_no_two_services_want_one_port(lab):
    """Neither two of these, nor one of these and one of the lab's own: all are on the same loopback."""
    numbers = [port.default for service in UPSTREAM for port in service.ports]
    own = {number for service in CATALOGUE for number in service.port_numbers(lab)}
    assert len(set(numbers)) == len(numbers)
    assert not own & set(numbers)


def test_a_port_moves_for_all_who_speak_of_it(lab):
    """The variable of one `./lab images upstream` reaches the Compose file, the scrape, Consul's list; it wins over no other setting."""
    variables = ready(lab, "monitoring", "core", ALERTMANAGER_PORT=19094, MINIO_PORT=19010)
    assert "ALERTMANAGER_PORT='19094'" in variables.read_text()
    run = lab.workspace.run / "upstream"
    scrape = yaml.safe_load((run / "prometheus" / "prometheus.yml").read_text())
    assert scrape["alerting"]["alertmanagers"][0]["static_configs"] == [{"targets": ["127.0.0.1:19094"]}]
    services = {each["name"]: each for each in json.loads((run / "consul" / "services.json").read_text())["services"]}
    assert services["minio"]["port"] == 19010
    with pytest.raises(SettingsError, match="MINIO_PORT"):
        chosen_ports({"MINIO_PORT": "70000"})


def test_made_ready_every_folder_and_secret_is_there_for_nobody_else(lab):
    """All that a Compose file mounts exists before it is used, since Docker must make nothing; secrets open to their owner alone."""
    ready(lab)
    for service in UPSTREAM:
        if service.owner is not None and os.geteuid() != 0:
            continue
        for mount in found(service.name)["volumes"]:
            if mount["type"] == "bind":
                path = mount["source"].replace("${DATAFLOW_STATE}", str(lab.workspace.state))
                assert os.path.exists(path), path  # noqa: PTH110 - as Docker asks
        for name in service.secrets:
            assert (lab.workspace.secrets / name).stat().st_mode & 0o077 == 0
    for name in ("consul/private.json", "consul/node.key", "airflow/fernet.key", "prometheus/web.yml"):
        assert (lab.workspace.run / "upstream" / name).stat().st_mode & 0o077 == 0


def test_a_login_is_kept_as_a_hash_of_the_labs_own_password(lab):
    """Prometheus and its kin let in who has the password of this lab, and no other."""
    import bcrypt

    ready(lab, "monitoring")
    kept = yaml.safe_load((lab.workspace.run / "upstream" / "prometheus" / "web.yml").read_text())["basic_auth_users"]["lab"]
    assert bcrypt.checkpw(secret(lab.workspace, "monitoring-password").encode(), kept.encode())
    assert secret(lab.workspace, "monitoring-password") not in kept


def test_alerts_that_nobody_would_hear_are_refused(lab):
    """The error says where the address has to be written."""
    with pytest.raises(MissingError) as caught:
        prepare(lab, chosen(["monitoring"]), chosen_ports({}))
    assert str(lab.workspace.secrets / "alert-webhook-url") in caught.value.fix


def test_an_unknown_group_is_refused_with_the_known_ones():
    with pytest.raises(SettingsError, match="monitring") as caught:
        chosen(["monitring"])
    assert "monitoring" in caught.value.fix


def test_every_setting_that_a_file_speaks_of_exists():
    """A setting's variable that nobody writes would be an empty port."""
    text = "".join((IMAGES / file).read_text() for file in FILES)
    assert set(re.findall(r"DATAFLOW__PORTS__(\w+)", text)) <= {name.upper() for name in Ports.model_fields}


@pytest.mark.parametrize("name", NAMES)
def test_the_documentation_names_its_version_and_its_ports(name):
    """The table of docs/operator/containers.md is that of the code."""
    text = (CHECKOUT / "docs" / "operator" / "containers.md").read_text()
    section = text[text.index("## Services that exist as others' images") : text.index("## Not here yet")]
    service = next(each for each in UPSTREAM if each.name == name)
    assert re.sub(r"^v|-alpine$", "", service.image.rpartition(":")[2]) in section
    assert all(re.search(rf"\b{port.default}\b", section) for port in service.ports)
