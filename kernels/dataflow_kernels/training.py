"""The training run of the class-data archive: `python -m dataflow_kernels.training JVM_OPTION`.

It walks the paths that a lesson's first minutes take, so that their classes are in the archive.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from dataflow_kernels.environ import LabEnv
from dataflow_kernels.spark import LabSpark

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_WRITING_TIMEOUT_SECONDS = 600.0


def train(option: str) -> None:
    """Start the JVM with `option`, walk, and let it write its archive as it ends."""
    env = LabEnv.from_environ()
    lab = LabSpark(env)
    lab.start(options=[option])
    spark = lab.session()
    _walk_delta(spark, f"{env.lake_root}/training")
    _walk_json(spark, f"{env.lake_root}/landing")
    _touch_object_store(spark)
    lab.stop(timeout_seconds=_WRITING_TIMEOUT_SECONDS)


def _walk_delta(spark: SparkSession, path: str) -> None:
    from delta.tables import DeltaTable

    frame = spark.createDataFrame([(1, "a", 1.0), (2, "b", 2.0)], "pedido_id long, categoria string, valor double")
    for _ in range(2):
        frame.write.format("delta").mode("append").save(path)
    table = DeltaTable.forPath(spark, path)
    table.alias("t").merge(frame.alias("s"), "t.pedido_id = s.pedido_id AND t.valor < s.valor").whenNotMatchedInsertAll().execute()
    table.history().select("version", "operation").collect()
    spark.read.format("delta").load(path).groupBy("categoria").sum("valor").orderBy("categoria").toPandas()


def _walk_json(spark: SparkSession, path: str) -> None:
    spark.createDataFrame([('{"a": 1}',)], "value string").write.mode("overwrite").text(path)
    spark.read.text(path).selectExpr("from_json(value, 'a int') as v", "input_file_name() as f").selectExpr("v.a", "f").collect()
    spark.read.json(path).dropDuplicates().count()


def _touch_object_store(spark: SparkSession) -> None:
    conf = spark.sparkContext._jsc.hadoopConfiguration()  # noqa: SLF001 - PySpark has no public way to it
    for name in ("attempts.maximum", "retry.limit", "connection.establish.timeout"):
        conf.set(f"fs.s3a.{name}", "1")
    with contextlib.suppress(Exception):  # it must fail: nothing listens there
        spark.read.format("delta").load("s3a://training/table").count()


if __name__ == "__main__":
    train(sys.argv[1])
