"""`spark`: the lab's one session, whichever way it is asked for.

The JVM starts with the kernel and warms in a background thread; a cell waits for it only when it needs it.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dataflow_kernels import jvm
from dataflow_kernels.environ import RESTART, LabEnv, export_defaults, exported, variable
from dataflow_kernels.errors import EnvironmentMissing

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_CHOOSE = "Stop your server (File > Hub Control Panel > Stop My Server) and start one of a size that has it: Spark, Streaming or MLOps."
_GATEWAY_VARIABLES = ("PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET")
_LAB_OWNED = ("spark.master", "spark.driver.", "spark.jars", "spark.hadoop.", "spark.sql.extensions", "spark.sql.catalog.spark_catalog")


class LabSpark:
    """One kernel's Spark: the JVM, and the session on it. Safe to ask from any thread."""

    def __init__(self, env: LabEnv) -> None:
        self._env = env
        self._lock = threading.RLock()
        self._jvm: jvm.Jvm | None = None
        self._session: SparkSession | None = None
        self.warming_failure: Exception | None = None

    def warm(self) -> None:
        """Start the JVM now and make the session in the background; a failure shows when `spark` is used."""
        self.start()
        threading.Thread(target=self._warm_quietly, name="spark-warming", daemon=True).start()

    def start(self, options: Sequence[str] = ()) -> None:
        """Start the JVM and return at once.

        Raises
        ------
        EnvironmentMissing
            No Java, no jars, or a lake in the object store without a key; named.
        """
        _require(self._env)
        with self._lock:
            if self._jvm is None or not self._jvm.alive:
                self._forget()
                self._jvm = jvm.start(self._env, options)

    def session(self) -> SparkSession:
        """Give the session, on a new JVM if the old one died, and with a new context if it was stopped."""
        with self._lock:
            self.start()
            if self._session is None or self._session._sc._jsc is None:  # noqa: SLF001 - how PySpark tells it itself
                self._session = self._attach()
            return self._session

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """End session and JVM."""
        with self._lock:
            if self._session is not None:
                self._session.stop()
            if self._jvm is not None:
                self._jvm.stop(timeout_seconds)
            self._forget()

    def configured(self, options: dict[str, Any]) -> SparkSession:
        """Give the session with a builder's options applied, but for those that the lab owns: its store and keys win."""
        session = self.session()
        for key, value in options.items():
            if not key.startswith(_LAB_OWNED) and key != "spark.app.name" and session.conf.isModifiable(key):
                session.conf.set(key, str(value))
        return session

    def _warm_quietly(self) -> None:
        try:
            session = self.session()
            with tempfile.TemporaryDirectory(prefix="spark-warming-") as folder:
                session.range(1).write.format("delta").save(f"file://{folder}/table")
                session.read.format("delta").load(f"file://{folder}/table").count()
        except Exception as error:  # noqa: BLE001 - whoever asks for `spark` meets it again, in a cell, where it can be read
            self.warming_failure = error

    def _attach(self) -> SparkSession:
        assert self._jvm is not None
        port, secret = self._jvm.address()
        export_defaults({"PYSPARK_PYTHON": sys.executable})  # or UDF workers take whatever python3 is on PATH
        from pyspark.sql import SparkSession

        original = getattr(SparkSession.Builder.getOrCreate, "original", SparkSession.Builder.getOrCreate)
        # Only for this moment: the secret opens the JVM, and no child process needs it.
        with exported(dict(zip(_GATEWAY_VARIABLES, (str(port), secret), strict=True))):
            session: SparkSession = original(SparkSession.Builder())
        return session

    def _forget(self) -> None:
        """Drop what PySpark keeps of a JVM that is gone, or it would talk to a closed socket for ever."""
        self._session = self._jvm = None
        if "pyspark.sql" in sys.modules:
            from pyspark import SparkContext
            from pyspark.sql import SparkSession

            SparkContext._gateway = SparkContext._jvm = SparkContext._active_spark_context = None  # noqa: SLF001
            SparkSession._instantiatedSession = None  # noqa: SLF001


def _require(env: LabEnv) -> None:
    needed = ["java_home", "jars_dir"] + (["s3_endpoint", "s3_access_key", "s3_secret_key"] if env.live else [])
    missing = [variable(name) for name in needed if not getattr(env, name)]
    if not env.java_home and not env.jars_dir:
        raise EnvironmentMissing("This server has no Spark.", why="It is of a size without.", fix=_CHOOSE)
    if missing:
        raise EnvironmentMissing(f"Spark cannot start: {', '.join(missing)} not set.", why=f"The lake is {env.lake_root}.", fix=RESTART)
