"""A Spark standalone cluster on this machine: a master and three workers, for staff and for jobs larger than a kernel.

Every part wants the cluster's secret before it listens to anybody; it is in a properties file and never among arguments. It is no
place for students' code: all executors are one account's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from dataflow_hub.errors import MissingError
from dataflow_hub.secrets import secret
from dataflow_hub.settings import Lab
from dataflow_hub.workspace import write_private
from dataflow_kernels.java import find_java

WORKERS = (1, 2, 3)
SECRETS = ("spark-cluster",)
_DAEMON_MIB, _EXECUTOR_MIB, _CORES = 256, 768, 1
_CLASSES = {"master": "org.apache.spark.deploy.master.Master", "worker": "org.apache.spark.deploy.worker.Worker"}

# Of whoever joins a cluster, here or on other machines; beside the secret.
PROPERTIES = {
    "spark.authenticate": "true",
    "spark.network.crypto.enabled": "true",
    "spark.master.rest.enabled": "false",  # it would start anybody's program, and asks for no secret
    "spark.shuffle.readHostLocalDisk": "false",  # workers share this machine's address, and as containers not its disk
    "spark.ui.killEnabled": "false",  # pages know no login: they show, and do nothing
    "spark.worker.cleanup.enabled": "true",
    "spark.executor.memory": f"{_EXECUTOR_MIB - 256}m",
    "spark.executor.cores": str(_CORES),
}


def url(lab: Lab) -> str:
    """Give the cluster's address, as `spark.master` wants it."""
    return f"spark://127.0.0.1:{lab.settings.ports.spark_master}"


def master_command(lab: Lab) -> list[str]:
    """Give the argv of the master."""
    ports = lab.settings.ports
    return _argv("master", lab, "--port", ports.spark_master, "--webui-port", ports.spark_pages)


def worker_command(number: int) -> Callable[[Lab], list[str]]:
    """Give what gives the argv of worker `number`, which offers one executor."""

    def command(lab: Lab) -> list[str]:
        ports = lab.settings.ports
        listens = ("--port", ports.spark_workers + number - 1, "--webui-port", ports.spark_pages + number)
        offers = ("--cores", _CORES, "--memory", f"{_EXECUTOR_MIB}M", "--work-dir", worker_folder(lab, number))
        return _argv("worker", lab, *listens, *offers, url(lab))

    return command


def worker_environment(number: int) -> Callable[[Lab], Mapping[str, str]]:
    """Give what gives the environment of a worker: what its executors spill goes to the disk, and not into memory at /tmp."""
    return lambda lab: {**environment(lab), "SPARK_LOCAL_DIRS": str(worker_folder(lab, number) / "spill")}


def environment(_lab: Lab) -> Mapping[str, str]:
    """Give what Spark's own start script reads."""
    return {
        "JAVA_HOME": str(find_java().home),
        "SPARK_HOME": str(_home()),
        "SPARK_DAEMON_MEMORY": f"{_DAEMON_MIB}m",
        "SPARK_LOCAL_IP": "127.0.0.1",
    }


def prepare_master(lab: Lab) -> None:
    """Render the properties that master, workers and drivers share."""
    write_private(properties_file(lab), properties_text(properties(lab)))


def prepare_worker(number: int) -> Callable[[Lab], None]:
    """Give what makes the folder of a worker's executors."""

    def prepare(lab: Lab) -> None:
        prepare_master(lab)
        worker_folder(lab, number).mkdir(mode=0o700, parents=True, exist_ok=True)

    return prepare


def properties(lab: Lab) -> dict[str, str]:
    """Give what whoever joins the cluster has to be set up with; the secret is among it."""
    return {"spark.authenticate.secret": secret(lab.workspace, "spark-cluster"), **PROPERTIES}


def properties_text(values: Mapping[str, str]) -> str:
    """Give properties as Spark reads them from a file."""
    return "".join(f"{name} {value}\n" for name, value in values.items())


def properties_file(lab: Lab) -> Path:
    """Give the file of these properties, for `spark-submit --properties-file`."""
    return lab.workspace.run / "spark" / "cluster.conf"


def worker_folder(lab: Lab, number: int) -> Path:
    """Give the folder of a worker's executors: their logs and what they spill."""
    return lab.workspace.data / "spark" / f"worker-{number}"


def _argv(part: str, lab: Lab, *words: object) -> list[str]:
    settings = ("--host", "127.0.0.1", "--properties-file", properties_file(lab))
    return [str(_home() / "bin" / "spark-class"), _CLASSES[part], *map(str, (*settings, *words))]


def _home() -> Path:
    found = find_spec("pyspark")  # importing it would cost every ./lab command half a second
    if found is None or found.origin is None:
        raise MissingError("Spark is not installed.", why="The wheel pyspark is not there.", fix="Run ./lab up again.")
    return Path(found.origin).parent
