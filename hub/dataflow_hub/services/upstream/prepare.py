"""What upstream containers mount, made ready in the state folder: folders, secrets, configuration with this lab's ports."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from dataflow_hub.errors import MissingError, SettingsError
from dataflow_hub.secrets import secret, secret_path
from dataflow_hub.services.certificates import ensure_certificates
from dataflow_hub.services.compose_text import env_text, passwd, variables
from dataflow_hub.services.upstream import consul, dashboard, monitoring
from dataflow_hub.services.upstream.compose_file import groups
from dataflow_hub.services.upstream.model import Port, Ports, Upstream
from dataflow_hub.services.upstream.table import LOGIN, MONITORING_PASSWORD, UPSTREAM
from dataflow_hub.settings import Lab
from dataflow_hub.workspace import write_private

FOLDER = "upstream"  # in `images/`, what is committed; in `run/`, what is mounted
_BEHIND_A_LOGIN = ("prometheus", "alertmanager", "blackbox", "node-exporter")


def chosen_ports(environ: Mapping[str, str]) -> dict[str, int]:
    """Give the port of each variable: as the environment says, else where it is by default.

    Raises
    ------
    SettingsError
        A value is no port.
    """
    return {port.variable: _number(port, environ) for service in UPSTREAM for port in service.ports}


def _number(port: Port, environ: Mapping[str, str]) -> int:
    value = environ.get(port.variable) or str(port.default)
    if not (value.isascii() and value.isdigit() and 0 < int(value) < 2**16):
        raise SettingsError(f"{port.variable} is no port: {value}.", fix="Give a number from 1 to 65535.")
    return int(value)


def generated(lab: Lab, ports: Ports) -> dict[str, str]:
    """Give the configuration that is made, holds no secret, and is committed as it is for a lab with no settings of its own."""
    made = {
        "prometheus": monitoring.prometheus(lab, ports),
        "consul": consul.configuration(lab, ports),
        "grafana": {"dashboards/lab.json": dashboard.render()},
    }
    return {f"{product}/{name}": text for product, files in made.items() for name, text in files.items()}


def chosen(words: Iterable[str]) -> tuple[Upstream, ...]:
    """Give the services of the groups in `words`; all when there are none.

    Raises
    ------
    SettingsError
        There is no such group.
    """
    wanted, known = set(words), groups(UPSTREAM)
    if unknown := sorted(wanted - set(known)):
        raise SettingsError(f"There is no group {unknown[0]}.", fix=f"One of: {', '.join(known)}.")
    return tuple(service for service in UPSTREAM if not wanted or service.group in wanted)


def prepare(lab: Lab, services: Iterable[Upstream], ports: Ports) -> Path:
    """Make all that the containers of `services` mount; give the file of variables that Compose wants. Idempotent.

    Raises
    ------
    LabError
        A secret that a person gives is missing, or an image can run as no user that this lab may give files to.
    """
    services = tuple(services)
    if "'" in str(lab.workspace.state):
        raise SettingsError("The path of the state folder holds a single quote.", why="No container could be given it.", fix="Move it.")
    for service in services:
        _require(lab, service)
    run = lab.workspace.run / FOLDER
    shutil.copytree(lab.workspace.root / "images" / FOLDER, run, dirs_exist_ok=True)
    for name, text in generated(lab, ports).items():
        write_private(run / name, text)
    for name, text in _private(lab, {service.product for service in services}).items():
        write_private(run / name, text)
    for service in services:
        _make(lab, service)
    write_private(run / "passwd", passwd())
    file = run / "compose.env"
    write_private(file, env_text(_variables(lab, ports)))
    return file


def _require(lab: Lab, service: Upstream) -> None:
    for name in service.given:
        path = secret_path(lab.workspace, name)
        if not path.is_file():
            why = f"{service.title} would have nobody to tell."
            raise MissingError(f"The secret {name} is not there.", why=why, fix=f"Write it into {path}, readable by nobody else.")
    if service.owner is not None and os.geteuid() not in {0, service.owner}:
        raise MissingError(
            f"{service.title} cannot read the lab's secrets.",
            why=f"Its image runs as user {service.owner} and no other, and only root may give that user a file.",
            fix="Run the lab as root, or leave out that group.",
        )


def _make(lab: Lab, service: Upstream) -> None:
    folder = lab.workspace.data / service.product
    if service.data:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in service.secrets:
        secret(lab.workspace, name)
    if service.owner is not None and os.geteuid() == 0:  # its own, and of no other service
        for path in (folder, *(secret_path(lab.workspace, name) for name in service.secrets)):
            os.chown(path, service.owner, service.owner)


def _private(lab: Lab, products: set[str]) -> dict[str, str]:
    """Give the configuration that holds secrets, of images that read none from a file of its own, by path in `run/upstream/`."""
    made: dict[str, str] = {}
    if "consul" in products:
        ensure_certificates(lab.workspace.run / FOLDER / consul.CERTIFICATES)
        made |= {f"consul/{name}": text for name, text in consul.private(lab).items()}
    if "airflow" in products:
        key = base64.urlsafe_b64encode(bytes.fromhex(secret(lab.workspace, "airflow-fernet-key"))).decode()
        made["airflow/fernet.key"] = key + "\n"
        # beside its database, for Airflow opens the file to write, too
        passwords = json.dumps({LOGIN: secret(lab.workspace, "airflow-password")})
        write_private(lab.workspace.data / "airflow" / "passwords.json", passwords)
    return made | {f"{name}/web.yml": _web_login(lab) for name in _BEHIND_A_LOGIN if name in products}


def _web_login(lab: Lab) -> str:
    """Give the file with which Prometheus and its kin ask for a login: they keep a hash."""
    import bcrypt

    hashed = bcrypt.hashpw(secret(lab.workspace, MONITORING_PASSWORD).encode(), bcrypt.gensalt(rounds=10)).decode()
    return f"basic_auth_users:\n  {LOGIN}: '{hashed}'\n"


def _variables(lab: Lab, ports: Ports) -> dict[str, str]:
    return {
        **{variable: str(number) for variable, number in ports.items()},
        **{f"DATAFLOW__PORTS__{name}".upper(): str(number) for name, number in lab.settings.ports.model_dump().items()},
        **variables(lab),
    }
