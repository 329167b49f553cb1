"""The compose files: in step with the catalogue, valid, and closed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dataflow_hub.errors import SettingsError
from dataflow_hub.secrets import secret
from dataflow_hub.services import compose, compose_file
from dataflow_hub.services.catalogue import CATALOGUE, find
from dataflow_hub.settings import load_lab
from dataflow_hub.workspace import CHECKOUT

GROUPS = compose_file.groups(CATALOGUE)
VARIABLES = {
    **load_lab(environ={}).environment(),
    **{name: f"/srv/{name.lower()}" for name in ("DATAFLOW_STATE", "DATAFLOW_CHECKOUT", "DATAFLOW_CACHE", "DATAFLOW_DOCKER_SOCKET")},
    "DATAFLOW_LAB_ID": "0123456789abcdef",
    "DATAFLOW_IMAGE": "dataflow-lab/hub:1",
    "DATAFLOW_UID": "0",
    "DATAFLOW_GID": "0",
    "DATAFLOW_DOCKER_GID": "0",
}


def path(group):
    return CHECKOUT / "images" / compose_file.file_name(group)


def services(group):
    return yaml.safe_load(path(group).read_text())["services"]


@pytest.mark.parametrize("group", GROUPS)
def test_the_files_are_in_step_with_the_catalogue(group):
    """Who changes the catalogue runs ./lab images compose."""
    assert path(group).read_text() == compose_file.render(CATALOGUE, group)


def test_there_is_no_file_of_a_group_that_is_gone():
    found = {each.name for each in (CHECKOUT / "images").glob("compose.*.yaml") if not each.name.startswith("compose.upstream.")}
    assert found == {path(group).name for group in GROUPS}


@pytest.mark.parametrize("groups", [*([group] for group in GROUPS), GROUPS], ids="+".join)
def test_compose_itself_finds_them_valid(groups, tmp_path):
    """Each file alone, and all together: `docker compose config` has nothing to say."""
    (tmp_path / "settings.env").touch()
    (state := tmp_path / "state" / "run" / "compose").mkdir(parents=True)
    (state / "settings.env").touch()
    argv = [Path(sys.executable).with_name("docker-compose"), *(word for group in groups for word in ("--file", path(group)))]
    environ = {**os.environ, **VARIABLES, "DATAFLOW_STATE": str(tmp_path / "state")}
    done = subprocess.run([*argv, "config", "--quiet"], capture_output=True, text=True, env=environ)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", [service.name for service in CATALOGUE])
def test_a_container_may_do_nothing_but_serve(name):
    """No capability, no way to gain one, nothing written but what the catalogue names, a limit of memory and processes, a health check."""
    container = find(name).container
    found = services(container.group)[name]
    assert found["cap_drop"] == ["ALL"]
    assert set(found.get("cap_add", [])) == set(container.capabilities)
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert found["read_only"] is True
    assert found["mem_limit"]
    assert found["pids_limit"]
    assert found["healthcheck"]["test"]
    assert "ports" not in found
    written = {each["source"] for each in found["volumes"] if not each.get("read_only")}
    allowed = {f"${{DATAFLOW_STATE}}/{each}".rstrip("/") for each in container.writes}
    allowed |= {"${DATAFLOW_CACHE}"} if "" in container.writes else set()
    allowed |= {"${DATAFLOW_DOCKER_SOCKET}"} if container.socket else set()
    assert written == allowed


def test_only_the_door_holds_the_engines_socket():
    assert [service.name for service in CATALOGUE if service.container.socket] == ["docker-api"]


def test_what_students_reach_sees_neither_secrets_nor_homes_of_others():
    """Object store, MLflow, Kafka and the gate, which take what students send, have their own folders and secrets only."""
    for name in ("object-store", "mlflow", "kafka", "gate", "streamlit"):
        found = services(find(name).container.group)[name]
        sources = [each["source"] for each in found["volumes"]]
        assert not {"${DATAFLOW_STATE}", "${DATAFLOW_STATE}/secrets", "${DATAFLOW_STATE}/homes"} & set(sources)
        assert {each["source"] for each in found.get("secrets", [])} == set(find(name).secrets)


def test_a_certificate_that_the_front_door_cannot_see_is_told_before_anything_starts(tmp_path):
    """The error says where it has to lie."""
    outside = {"DATAFLOW__TLS__CERTIFICATE": "/etc/ssl/lab.pem", "DATAFLOW__TLS__KEY": "/etc/ssl/lab.key"}
    with pytest.raises(SettingsError, match=str(tmp_path / "data" / "proxy")):
        compose.start(load_lab(state=tmp_path, environ=outside), [], print)


@pytest.mark.parametrize("service", [each for each in CATALOGUE if "" not in each.container.writes], ids=lambda each: each.name)
def test_the_catalogue_names_every_secret_that_a_service_starts_with(service, tmp_path):
    """One that it left out would be made up anew in the service's container: MLflow would hold a key that the store does not know."""
    lab = load_lab(state=tmp_path, environ={})
    lab.workspace.prepare()
    for name in service.secrets:
        secret(lab.workspace, name)
    service.command(lab)
    service.environment(lab)
    assert {path.name for path in lab.workspace.secrets.iterdir()} == set(service.secrets)
