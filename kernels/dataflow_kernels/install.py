"""What `./lab up` installs for the kernels: Java, jars, class-data archive, kernelspecs."""

from __future__ import annotations

import getpass
from pathlib import Path

from dataflow_kernels.archive import archive_path, build_archive
from dataflow_kernels.environ import LabEnv
from dataflow_kernels.jars import install_jars, is_complete
from dataflow_kernels.java import Java, find_java
from dataflow_kernels.kernelspecs import install_kernelspecs

LOCK = Path(__file__).resolve().parents[1] / "jars.lock"

__all__ = [
    "LOCK",
    "Java",
    "archive_path",
    "build_archive",
    "find_java",
    "install_jars",
    "install_kernelspecs",
    "is_complete",
    "local_environment",
]


def local_environment(jars: Path, folder: Path, *, user: str = "", language: str = "en") -> LabEnv:
    """Give the environment of a kernel without services: the lake and the log are in `folder`, experiments beside the lake."""
    java = find_java()
    lake = folder / "lake"
    lake.mkdir(parents=True, exist_ok=True)
    archive = archive_path(java, jars)
    return LabEnv(
        user=user or getpass.getuser(),
        language=language,
        lake_root=lake.absolute().as_uri(),
        java_home=str(java.home),
        jars_dir=str(jars),
        cds_archive=str(archive) if archive.is_file() else "",
        kafka_jars_dir=str(broker_jars) if (broker_jars := jars.parent / "kafka-jars").is_dir() else "",
        spark_log=str(folder / "spark.log"),
    )
