"""Settings: `hub/dataflow.toml` < the workspace's own TOML < `DATAFLOW__SECTION__KEY`.

One of the two modules that read the environment (the other is the kernel side's `environ`).
"""

from __future__ import annotations

import difflib
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dataflow_hub.errors import SettingsError
from dataflow_hub.workspace import CHECKOUT, Workspace, write_private

_PREFIX = "DATAFLOW__"
BACKENDS = ("embedded", "docker")
_BACKEND_FILE = "backend"
BELOW_STUDENTS = 1000  # uids between `sandbox.first_uid` and the first of those that submissions are run as


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ports(_Section):
    """Port numbers; see dataflow.toml."""

    hub: int
    hub_api: int
    proxy_api: int
    exchange: int
    formgrader: int
    s3: int
    s3_console: int
    mlflow: int
    kafka: int
    kafka_controller: int
    auth_proxy: int
    prefect: int
    streamlit: int
    spark_master: int
    spark_pages: int
    spark_workers: int
    store_internal: int


class Hub(_Section):
    """The front door."""

    bind: str
    public_url: str
    language: Literal["en", "pt-BR"]
    invite_hours: int = Field(gt=0)
    login_attempts_per_minute: int = Field(gt=0)


class Tls(_Section):
    """Certificate and key files, both or none."""

    certificate: str
    key: str


class Auth(_Section):
    """Who may log in, and how that is told."""

    kind: Literal["roster", "oidc", "github", "ldap", "lti13"]
    options: dict[str, Any]


class Services(_Section):
    """What the services run as."""

    backend: Literal["embedded", "docker"]


class Sandbox(_Section):
    """What a student's server runs in, and its limits."""

    kind: Literal["bubblewrap", "docker"]
    memory_mib: int = Field(ge=512)
    cpu_cores: float = Field(gt=0)
    processes: int = Field(ge=64)
    open_files: int = Field(ge=256)
    home_mib: int = Field(gt=0)
    home_stop_mib: int = Field(gt=0)
    disk_reserve_mib: int = Field(ge=0)
    first_uid: int = Field(ge=1000)
    idle_minutes: int = Field(gt=0)


class Spark(_Section):
    """Spark in one student's kernel."""

    driver_memory_mib: int = Field(ge=384)
    cores: int = Field(ge=1)


class Grading(_Section):
    """How submissions are run and checked."""

    workers: int = Field(ge=1)
    run_timeout_seconds: int = Field(gt=0)
    cell_timeout_seconds: int = Field(gt=0)
    memory_mib: int = Field(ge=512)
    output_mib: int = Field(ge=1)


class Settings(_Section):
    """All settings of one lab; unknown keys are refused."""

    ports: Ports
    hub: Hub
    tls: Tls
    auth: Auth
    services: Services
    sandbox: Sandbox
    spark: Spark
    grading: Grading


@dataclass(frozen=True)
class Lab:
    """One lab: its settings and its folders. Nearly every operation takes it first."""

    settings: Settings
    workspace: Workspace

    @property
    def public_url(self) -> str:
        """The address people type into a browser, without a trailing slash."""
        if self.settings.hub.public_url:
            return self.settings.hub.public_url.rstrip("/")
        scheme = "https" if self.settings.tls.certificate else "http"
        return f"{scheme}://{self.settings.hub.bind}:{self.settings.ports.hub}"

    def environment(self) -> dict[str, str]:
        """Give the variables from which a service reads exactly the settings that are in force here.

        A service must not see other ports than the `up` that started it, whatever shell that was.
        """
        values = {"DATAFLOW_STATE": str(self.workspace.state)}
        if self.workspace.shared_cache:
            values["DATAFLOW_CACHE"] = str(self.workspace.shared_cache)
        for section, keys in self.settings.model_dump().items():
            values.update({f"{_PREFIX}{section}__{key}".upper(): str(value) for key, value in keys.items() if not isinstance(value, dict)})
        return values


def load_lab(*, state: Path | None = None, environ: dict[str, str] | None = None) -> Lab:
    """Read the settings of the lab whose state folder is `state`.

    The folder is `DATAFLOW_STATE` or `.dataflow` in the checkout unless given; `DATAFLOW_CACHE` names a cache folder that
    several labs share.

    Raises
    ------
    SettingsError
        An unknown key, a value of the wrong type, or a public bind without TLS.
    """
    environ = dict(os.environ) if environ is None else environ
    folder = state or Path(environ.get("DATAFLOW_STATE") or CHECKOUT / ".dataflow")
    cache = environ.get("DATAFLOW_CACHE")
    workspace = Workspace(root=CHECKOUT, state=folder.absolute(), shared_cache=Path(cache).absolute() if cache else None)
    values = tomllib.loads((CHECKOUT / "hub" / "dataflow.toml").read_text(encoding="utf-8"))
    own = workspace.state / "dataflow.toml"
    if own.exists():
        _merge(values, _parse_toml(own), str(own))
    _merge(values, _of_what_runs(workspace, environ), "what runs")
    _merge(values, _from_environ(environ), "the environment")
    return Lab(settings=_validate(values), workspace=workspace)


def choose_backend(kind: str) -> None:
    """Let every lab that this process loads, and each process that it starts, use a backend, whatever the files say.

    Raises
    ------
    SettingsError
        There is none of that name.
    """
    if kind not in BACKENDS:
        raise SettingsError(f"There is no backend {kind}.", fix=f"One of: {', '.join(BACKENDS)}.")
    os.environ[f"{_PREFIX}SERVICES__BACKEND"] = kind
    if kind == "docker":
        os.environ[f"{_PREFIX}SANDBOX__KIND"] = "docker"


def remember_backend(workspace: Workspace, kind: str = "") -> None:
    """Keep, while a lab runs, that its services are containers, so that no command has to be told again; nothing when it is down."""
    if kind == "docker":
        write_private(workspace.run / _BACKEND_FILE, "docker")
    else:
        (workspace.run / _BACKEND_FILE).unlink(missing_ok=True)


def _of_what_runs(workspace: Workspace, environ: dict[str, str]) -> dict[str, Any]:
    """Give what `remember_backend` kept, unless a command says something else."""
    if f"{_PREFIX}SERVICES__BACKEND" in environ or not (workspace.run / _BACKEND_FILE).exists():
        return {}
    return {"services": {"backend": "docker"}, "sandbox": {"kind": "docker"}}


def _parse_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML.", why=str(error), fix="Mend the line it names.") from error


def _from_environ(environ: dict[str, str]) -> dict[str, Any]:
    values: dict[str, dict[str, Any]] = {}
    for name, text in environ.items():
        if name.startswith(_PREFIX) and name.count("__") == 2:  # noqa: PLR2004 - PREFIX, section, key
            _, section, key = name.lower().split("__")
            values.setdefault(section, {})[key] = text
    return values


def _merge(base: dict[str, Any], over: dict[str, Any], source: str) -> None:
    for section, keys in over.items():
        if section not in base:
            raise _unknown(section, base, source)
        if not isinstance(keys, dict):
            raise SettingsError(f"{section} in {source} is a section, not a value.", fix=f"Write [{section}] and its keys.")
        for key, value in keys.items():
            if key not in base[section]:
                raise _unknown(f"{section}.{key}", {f"{section}.{known}": 0 for known in base[section]}, source)
            base[section][key] = value


def _unknown(name: str, known: dict[str, Any], source: str) -> SettingsError:
    near = difflib.get_close_matches(name, list(known), n=1)
    fix = f"Perhaps you meant {near[0]}." if near else "See hub/dataflow.toml for every setting there is."
    return SettingsError(f"Unknown setting {name} in {source}.", fix=fix)


def _validate(values: dict[str, Any]) -> Settings:
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"Setting {name} has a wrong value.", why=str(first["msg"]), fix="See hub/dataflow.toml.") from error
    loopback = settings.hub.bind in {"127.0.0.1", "::1", "localhost"}
    if bool(settings.tls.certificate) != bool(settings.tls.key):
        raise SettingsError("[tls] needs both certificate and key.", fix="Set both, or neither.")
    if not loopback and not settings.tls.certificate:
        raise SettingsError(
            f"The lab does not listen on {settings.hub.bind} without TLS.",
            why="Passwords and tokens would cross the network in the clear.",
            fix="Set tls.certificate and tls.key, or keep hub.bind on loopback behind a TLS reverse proxy.",
        )
    if settings.sandbox.home_stop_mib < settings.sandbox.home_mib:
        raise SettingsError("sandbox.home_stop_mib is below sandbox.home_mib.", fix="Nobody is stopped before being told: set it higher.")
    if settings.services.backend == "docker" and settings.sandbox.kind != "docker":
        raise SettingsError(
            "A hub in a container cannot start students' servers in bubblewrap.",
            why="Making a sandbox takes rights that no container of the lab has.",
            fix='Set sandbox.kind = "docker" too, or say ./lab --backend docker, which sets both.',
        )
    return settings
