"""The environment of a student's server, made in this one place."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataflow_hub.sandbox.container import OF_THE_IMAGE
from dataflow_kernels.archive import archive_path
from dataflow_kernels.environ import LabEnv
from dataflow_kernels.java import find_java

if TYPE_CHECKING:
    from dataflow_hub.settings import Lab

# inside the sandbox: sockets and connection files stay out of the student's folder
RUNTIME = "/tmp/jupyter"  # noqa: S108 - the sandbox's own
CONFIGURATION = "/etc/jupyter"


def lab_environment(  # noqa: PLR0913 - one argument a service
    lab: Lab, user: str, *, language: str, store: Any = None, tracking: Any = None, topics: Any = None
) -> LabEnv:
    """Give what the kernels of `user` are told, from what the services granted."""
    java = find_java()
    spark, jars = lab.settings.spark, lab.workspace.jars
    archive = archive_path(java, jars) if jars.is_dir() and any(jars.glob("*.jar")) else Path()
    return LabEnv(
        user=user,
        language=language,
        lake_root=f"s3a://{store.bucket}" if store else f"file://{home(user)}/lake",
        s3_endpoint=store.endpoint if store else "",
        s3_access_key=store.access_key if store else "",
        s3_secret_key=store.secret_key if store else "",
        mlflow_uri=tracking.uri if tracking else "",
        mlflow_username=tracking.username if tracking else "",
        mlflow_password=tracking.password if tracking else "",
        kafka_bootstrap=topics.bootstrap if topics else "",
        kafka_username=topics.username if topics else "",
        kafka_password=topics.password if topics else "",
        kafka_jars_dir=str(lab.workspace.kafka_jars) if lab.workspace.kafka_jars.is_dir() else "",
        exchange_url=f"http://127.0.0.1:{lab.settings.ports.exchange}/services/exchange/",
        java_home=str(java.home),
        jars_dir=str(jars),
        cds_archive=str(archive) if archive.is_file() else "",
        spark_driver_memory_mib=spark.driver_memory_mib,
        spark_cores=spark.cores,
        spark_log="/tmp/spark.log",  # noqa: S108
    )


def server_environment(lab: Lab, user: str, hub: dict[str, str], kernel: LabEnv) -> dict[str, str]:
    """Give all variables of a student's server: the hub's, the kernel's and Jupyter's folders; nothing of this process's own."""
    own = {name: value for name, value in hub.items() if name.startswith("JUPYTERHUB_") or name in ("MEM_LIMIT", "CPU_LIMIT")}
    return {
        **kernel.to_environ(),
        **own,
        "JUPYTER_PATH": str(lab.workspace.cache / "kernels"),
        "JUPYTER_RUNTIME_DIR": RUNTIME,
        "JUPYTER_CONFIG_PATH": CONFIGURATION,  # read last, so neither the packages' own nor the student's undoes it
        "JAVA_HOME": kernel.java_home,
        "PATH": f"{Path(sys.executable).parent}:{kernel.java_home}/bin:/usr/local/bin:/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "XDG_CACHE_HOME": "/tmp/cache",  # noqa: S108
        "HOME": home(user),
        "USER": user,
    }


def container_environment(lab: Lab, user: str, hub: dict[str, str], kernel: LabEnv) -> dict[str, str]:
    """Give the variables of a student's server in a container: as `server_environment`, less what is the image's to say."""
    variables = server_environment(lab, user, hub, kernel)
    own = OF_THE_IMAGE | {"JUPYTER_PATH", "JAVA_HOME", "PATH"}
    return {name: value for name, value in variables.items() if name not in own}


def home(user: str) -> str:
    """Give the home folder inside the sandbox."""
    return f"/home/{user}"
