"""The environment of a student's kernel, made on one side and read on the other.

The one module of the student's side that reads the environment.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields

from dataflow_kernels.errors import EnvironmentMissing

_PREFIX = "DATAFLOW_"
_REQUIRED = ("user", "lake_root")
RESTART = "Stop your server (File > Hub Control Panel > Stop My Server) and start it again: each start brings fresh credentials."


@dataclass(frozen=True)
class LabEnv:
    """All that a kernel is told: who it works for, where the services are, how large Spark may get.

    Parameters
    ----------
    user
        Account name; also the namespace of the student's experiments.
    language
        "en" or "pt-BR".
    lake_root
        URI under which all of the student's tables are: `s3a://student-ana`, or `file:///work/lake` where nothing is live.
    s3_endpoint, s3_access_key, s3_secret_key
        The object store and the student's own key; "" when not live.
    mlflow_uri, mlflow_username, mlflow_password
        The tracking server; "" when not live (runs are then kept beside the lake).
    kafka_bootstrap, kafka_username, kafka_password
        The Kafka broker, and the student's login, which is also the namespace of their topics; "" when not live.
    kafka_jars_dir
        Folder of the broker's own jars, for a run that brings its own broker along; "" for none.
    exchange_url
        The assignment exchange; "" when not live.
    java_home, jars_dir, cds_archive
        The JDK, the folder of verified jars, and the JVM's class-data archive ("" for none).
    spark_driver_memory_mib, spark_cores
        Heap and threads of the one JVM.
    spark_log
        File that takes all the JVM says; "" for a file in the temporary folder.
    """

    user: str
    language: str = "en"
    lake_root: str = ""
    s3_endpoint: str = ""
    s3_access_key: str = field(default="", repr=False)
    s3_secret_key: str = field(default="", repr=False)
    mlflow_uri: str = ""
    mlflow_username: str = ""
    mlflow_password: str = field(default="", repr=False)
    kafka_bootstrap: str = ""
    kafka_username: str = ""
    kafka_password: str = field(default="", repr=False)
    kafka_jars_dir: str = ""
    exchange_url: str = ""
    java_home: str = ""
    jars_dir: str = ""
    cds_archive: str = ""
    spark_driver_memory_mib: int = 768
    spark_cores: int = 2
    spark_log: str = ""

    @property
    def live(self) -> bool:
        """Whether the lake is in the object store."""
        return self.lake_root.startswith("s3a://")

    def to_environ(self) -> dict[str, str]:
        """Give the variables of a kernel's process, the ones of other tools (AWS_*, MLFLOW_*) included."""
        own = {variable(each.name): str(getattr(self, each.name)) for each in fields(self)}
        return own | self._aws() | self._mlflow()

    def _aws(self) -> dict[str, str]:
        if not self.s3_endpoint:
            return {}
        return {
            "AWS_ENDPOINT_URL": self.s3_endpoint,
            "AWS_ACCESS_KEY_ID": self.s3_access_key,
            "AWS_SECRET_ACCESS_KEY": self.s3_secret_key,
            "AWS_REGION": "us-east-1",  # any name will do: the store has one region, but every SDK insists
            "AWS_ALLOW_HTTP": str(self.s3_endpoint.startswith("http://")).lower(),
            "AWS_EC2_METADATA_DISABLED": "true",  # or SDKs wait seconds for a cloud that is not there
        }

    def _mlflow(self) -> dict[str, str]:
        if not self.mlflow_uri:
            return {}
        return {
            "MLFLOW_TRACKING_URI": self.mlflow_uri,
            "MLFLOW_TRACKING_USERNAME": self.mlflow_username,
            "MLFLOW_TRACKING_PASSWORD": self.mlflow_password,
        }

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> LabEnv:
        """Read it back.

        Raises
        ------
        EnvironmentMissing
            Naming every variable that is missing or not a number.
        """
        environ = os.environ if environ is None else environ
        missing = [variable(name) for name in _REQUIRED if not environ.get(variable(name))]
        if missing:
            raise EnvironmentMissing(
                f"This kernel was not told {', '.join(missing)}.",
                why="It was started outside a lab, or the lab's environment did not reach it.",
                fix="Open the notebook from your server in the hub; for a run without one, see `./lab test`.",
            )
        values = {each.name: environ[variable(each.name)] for each in fields(cls) if variable(each.name) in environ}
        numbers = {each.name: _number(each.name, values[each.name]) for each in fields(cls) if each.type == "int" and each.name in values}
        return cls(**(values | numbers))  # type: ignore[arg-type]


def variable(name: str) -> str:
    """Give the variable's name of a field of `LabEnv`."""
    return _PREFIX + name.upper()


def process_environment() -> dict[str, str]:
    """Give a copy of this process's environment."""
    return dict(os.environ)


@contextmanager
def exported(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables of this process for a while: for libraries that take a setting in no other way. What they were, they are again."""
    before = {name: os.environ[name] for name in values if name in os.environ}
    os.environ.update(values)
    try:
        yield
    finally:
        unset(values)
        os.environ.update(before)


def export_defaults(values: Mapping[str, str]) -> None:
    """Set variables of this process that nobody has set."""
    for name, value in values.items():
        os.environ.setdefault(name, value)


def unset(names: Iterable[str]) -> None:
    """Take variables of this process away, where they are set."""
    for name in names:
        os.environ.pop(name, None)


def _number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise EnvironmentMissing(f"{variable(name)} is {text!r}, not a whole number.", fix=RESTART) from error
