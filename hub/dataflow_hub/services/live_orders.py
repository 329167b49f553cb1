"""The live orders: how the stream from Kafka into the gold bucket is started, and its login and key, which open nothing else."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from dataflow_hub.secrets import secret
from dataflow_hub.services import kafka, object_store
from dataflow_hub.services.model import Health
from dataflow_hub.services.store_accounts import LIVE, credentials
from dataflow_hub.settings import Lab
from dataflow_kernels.archive import archive_path
from dataflow_kernels.environ import LabEnv
from dataflow_kernels.java import find_java

if TYPE_CHECKING:
    from pathlib import Path

SECRETS = ("kafka-live-password",)
TOPIC, TABLE = "pedidos", "pedidos_ao_vivo"
USER = "lab_live"  # an underscore, so that no student is called so
_PARTITIONS = 3
_SILENT_SECONDS = 90  # a query that looks every few seconds and has not for so long is stuck


def command(_lab: Lab) -> list[str]:
    """Give the argv of the query's process."""
    return [sys.executable, "-m", "dataflow_hub.pipelines.live_orders"]


def environment(lab: Lab) -> dict[str, str]:
    """Give what a kernel is given: the gold bucket as its lake, a login that reads one topic, a small JVM."""
    java, jars = find_java(), lab.workspace.jars
    archive = archive_path(java, jars) if any(jars.glob("*.jar")) else None
    key, secret_key = credentials(lab, LIVE)
    env = LabEnv(
        user=USER,
        lake_root="s3a://gold",
        s3_endpoint=object_store.endpoint(lab),
        s3_access_key=key,
        s3_secret_key=secret_key,
        kafka_bootstrap=kafka.bootstrap(lab),
        kafka_username=USER,
        kafka_password=secret(lab.workspace, "kafka-live-password"),
        java_home=str(java.home),
        jars_dir=str(jars),
        cds_archive=str(archive) if archive is not None and archive.is_file() else "",
        spark_driver_memory_mib=512,
        spark_cores=2,
        spark_log=str(heartbeat(lab).with_name("spark.log")),
    )
    return env.to_environ()


def admit(lab: Lab) -> None:
    """Make the topic and the query's login, once Kafka answers; safe again and again.

    Raises
    ------
    ServiceError
        Kafka refuses.
    """
    kafka.ensure_topic(lab, TOPIC, _PARTITIONS)
    kafka.admit_reader(lab, USER, secret(lab.workspace, "kafka-live-password"), TOPIC)


def heartbeat(lab: Lab) -> Path:
    """Give the file that the query touches whenever it has looked for events."""
    return lab.workspace.run / "live-orders" / "alive"


def health(lab: Lab) -> Health:
    """Ask when the query last looked."""
    try:
        age = time.time() - heartbeat(lab).stat().st_mtime
    except FileNotFoundError:
        return Health(ok=False, detail="the query has not begun yet")
    return Health(ok=age < _SILENT_SECONDS, detail="" if age < _SILENT_SECONDS else f"the query has not looked for {age:.0f} s")


def prepare(lab: Lab) -> None:
    """Make its folder, and forget an earlier run's heartbeat."""
    heartbeat(lab).parent.mkdir(mode=0o700, exist_ok=True)
    heartbeat(lab).unlink(missing_ok=True)
