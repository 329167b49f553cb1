"""The JVM behind `spark`: started directly, with its gateway on loopback and all that it says in a file."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dataflow_kernels.environ import LabEnv, process_environment
from dataflow_kernels.errors import SparkStartFailed
from dataflow_kernels.jars import pyspark_jars
from dataflow_kernels.java import describe_java

_OPENED = (
    *("java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util"),
    *("java.util.concurrent", "java.util.concurrent.atomic", "sun.nio.ch", "sun.nio.cs", "sun.security.action", "sun.util.calendar"),
)
_START_TIMEOUT_SECONDS = 120.0
_UNSAFE_CLOSED_SINCE = 24
_LOG_LIMIT_BYTES = 8 * 2**20


@dataclass
class Jvm:
    """A started JVM. It ends when its standard input closes: with this process, however that ends."""

    process: subprocess.Popen[bytes]
    log: Path
    folder: Path

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def address(self) -> tuple[int, str]:
        """Wait for the gateway; give its port and secret.

        Raises
        ------
        SparkStartFailed
            The JVM ended, or said nothing for two minutes; with the last of its log.
        """
        file = self.folder / "gateway"
        deadline = time.monotonic() + _START_TIMEOUT_SECONDS
        while not file.is_file():
            if not self.alive or time.monotonic() > deadline:
                raise SparkStartFailed(
                    "Spark's JVM did not start.",
                    why=self.last_words(),
                    fix=f"Read {self.log}. If memory is short, shut down other kernels first, then restart this one.",
                )
            time.sleep(0.02)
        data = file.read_bytes()
        port, length = struct.unpack(">ii", data[:8])
        return port, data[8 : 8 + length].decode()

    def last_words(self) -> str:
        """Give the end of its log on one line."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        except OSError:
            lines = []
        return " | ".join(line for line in lines[-3:]) or "it left no message"

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """End it: softly by closing its input, else by force."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def start(env: LabEnv, options: Sequence[str] = ()) -> Jvm:
    """Start the JVM and return at once; `Jvm.address` waits for it. `options` win over the JVM options of the lab."""
    folder = Path(tempfile.mkdtemp(prefix="spark-"))
    log = Path(env.spark_log) if env.spark_log else folder / "spark.log"
    with _open_log(log) as output:
        process = subprocess.Popen(
            command(env, options),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=_environment(env, folder),
            cwd=folder,  # Spark keeps artefacts and scratch in its working directory: not among the student's files
            start_new_session=True,  # "interrupt kernel" goes to the whole group, and would stop the JVM too
        )
    return Jvm(process, log, folder)


def command(env: LabEnv, options: Sequence[str] = ()) -> list[str]:
    """Give the JVM's argument list. No secret is in it: those reach it through its environment."""
    java = Path(env.java_home) / "bin" / "java"
    confs = [part for key, value in static_conf(env).items() for part in ("--conf", f"{key}={value}")]
    tuning = [*_memory(env), *_archive(env.cds_archive), *_behaviour(), *_unsafe(Path(env.java_home)), *options]
    return [str(java), *tuning, "org.apache.spark.deploy.SparkSubmit", *confs, "pyspark-shell"]


# Spark sizes its pools for a server's executor, up to 1,024 threads each; a student's box counts every thread.
_FEW_THREADS = {
    "spark.sql.resultQueryStage.maxThreadThreshold": "8",
    "spark.sql.shuffleExchange.maxThreadThreshold": "8",
    "spark.sql.broadcastExchange.maxThreadThreshold": "8",
    "spark.sql.subquery.maxThreadThreshold": "4",
    "spark.shuffle.mapOutput.dispatcher.numThreads": "2",
}


def class_path(env: LabEnv) -> str:
    """Give the class path, sorted: an archive only fits the very path that it was made with."""
    return ":".join(str(jar) for folder in (pyspark_jars(), Path(env.jars_dir)) for jar in sorted(folder.glob("*.jar")))


def static_conf(env: LabEnv) -> dict[str, str]:
    """Give Spark's configuration: Delta, the student's lake, loopback only, sized for one learner."""
    conf = {
        "spark.master": f"local[{env.spark_cores}]",
        "spark.app.name": f"dataflow-{env.user}",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.authenticate": "true",  # loopback is shared with other students: a generated secret guards Spark's own ports
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": f"{env.lake_root.rstrip('/')}/warehouse",
        "spark.sql.session.timeZone": "UTC",
        # SPARK-58241, mended in 4.2.1: given columns from a file, a Python UDF in Arrow form waits for ever.
        "spark.sql.execution.arrow.pythonUDF.columnarInput.enabled": "false",
        # A lesson's data fits one task: each further one costs more than it saves (half of all CPU at two, measured on lesson 1.1).
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",  # the default of 10,000 tasks makes VACUUM take minutes
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.databricks.delta.autoCompact.enabled": "false",
        **_FEW_THREADS,
    }
    return conf | _s3a_conf(env) if env.s3_endpoint else conf


def _s3a_conf(env: LabEnv) -> dict[str, str]:
    """Give the object store's part. The key is read from the environment, so neither argv nor `spark.conf` ever holds it."""
    prefix = "spark.hadoop.fs.s3a."
    return {
        f"{prefix}endpoint": env.s3_endpoint,
        f"{prefix}endpoint.region": "us-east-1",
        f"{prefix}path.style.access": "true",
        f"{prefix}connection.ssl.enabled": str(env.s3_endpoint.startswith("https://")).lower(),
        f"{prefix}aws.credentials.provider": "software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider",
        f"{prefix}connection.establish.timeout": "5s",
        f"{prefix}attempts.maximum": "5",
        f"{prefix}retry.limit": "4",
        # The default stream reads ahead with a pool of threads for each table: 512 of them after ten minutes of a lesson.
        f"{prefix}input.stream.type": "classic",
        f"{prefix}threads.max": "16",
        f"{prefix}executor.capacity": "4",
        f"{prefix}connection.maximum": "48",
    }


def _memory(env: LabEnv) -> list[str]:
    sizes = [f"-Xmx{env.spark_driver_memory_mib}m", "-Xms128m", "-Xss2m"]
    return [*sizes, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError"]


def _archive(path: str) -> list[str]:
    if not path or not Path(path).is_file():
        return []
    option = "AOTCache" if path.endswith(".aot") else "SharedArchiveFile"
    return [f"-XX:{option}={path}"]


def _behaviour() -> list[str]:
    opened = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED]
    log4j = Path(__file__).with_name("log4j2.properties")
    properties = [f"-Dlog4j2.configurationFile={log4j}", "-Djava.net.preferIPv4Stack=true", "-Duser.timezone=UTC", "-Dfile.encoding=UTF-8"]
    return [*opened, "--enable-native-access=ALL-UNNAMED", "-Dio.netty.tryReflectionSetAccessible=true", *properties]


def _unsafe(home: Path) -> list[str]:
    """From Java 24 on, netty keeps off direct memory unless told; Arrow then dies in a thread, and `toPandas` waits for ever."""
    java = describe_java(home)
    if java is None or java.feature < _UNSAFE_CLOSED_SINCE:
        return []
    return ["--sun-misc-unsafe-memory-access=allow", "-Dio.netty.noUnsafe=false"]


def _environment(env: LabEnv, folder: Path) -> dict[str, str]:
    return (
        process_environment()
        | env.to_environ()
        | {
            "CLASSPATH": class_path(env),  # 300 paths: too long to read in a process list
            "SPARK_HOME": str(pyspark_jars().parent),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_HOSTNAME": "localhost",  # a sandbox without network resolves no other name
            "SPARK_CONNECT_MODE": "0",
            "PYSPARK_PYTHON": sys.executable,
            "PYSPARK_DRIVER_PYTHON": sys.executable,
            "_PYSPARK_DRIVER_CONN_INFO_PATH": str(folder / "gateway"),
        }
    )


def _open_log(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    if path.exists() and path.stat().st_size > _LOG_LIMIT_BYTES:
        mode |= os.O_TRUNC
    return os.fdopen(os.open(path, mode, 0o600), "ab")
