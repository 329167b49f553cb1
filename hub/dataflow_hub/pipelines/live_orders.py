"""`python -m dataflow_hub.pipelines.live_orders`: the topic `pedidos` into a gold table, event by event, each once.

The checkpoint is in the object store beside the table. Whatever is killed, this process, the broker or the store, the query goes
on from it: Delta knows each batch by its number and takes it once, and what a producer sent twice is dropped by its `evento_id`.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from dataflow_hub.logs import configure_logging, get_logger
from dataflow_hub.services.live_orders import TABLE, TOPIC, heartbeat
from dataflow_hub.settings import load_lab
from dataflow_kernels.environ import LabEnv
from dataflow_kernels.spark import LabSpark
from dataflow_kernels.topics import Topics

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming import StreamingQuery

CHECKPOINT = "_checkpoints/pedidos_ao_vivo"
SCHEMA = "evento_id string, pedido_id string, tipo string, valor double, ts_evento timestamp"
_LATEST = "2 hours"  # the shop's events are an hour late at most; one that comes later is dropped
_EVERY = "3 seconds"
_LOOK_SECONDS = 2
_log = get_logger("live-orders")


def start(spark: SparkSession, env: LabEnv) -> StreamingQuery:
    """Start the query."""
    spark.conf.set("spark.sql.shuffle.partitions", "2")  # each keeps its own state files in the store
    options = {**Topics(env).options(TOPIC), "subscribe": TOPIC, "failOnDataLoss": "true", "maxOffsetsPerTrigger": "20000"}
    source = spark.readStream.format("kafka").options(**options).load()
    writer = events(source).writeStream.format("delta").outputMode("append").trigger(processingTime=_EVERY)
    return writer.option("checkpointLocation", f"{env.lake_root}/{CHECKPOINT}").start(f"{env.lake_root}/{TABLE}")


def events(source: DataFrame) -> DataFrame:
    """Give the events that can be read, each once, with the time at which they reached the broker as `chegada`."""
    from pyspark.sql import functions as fn

    parsed = source.select(fn.from_json(fn.col("value").cast("string"), SCHEMA).alias("evento"), fn.col("timestamp").alias("chegada"))
    readable = parsed.select("evento.*", "chegada").where("evento_id IS NOT NULL AND ts_evento IS NOT NULL")
    return readable.withWatermark("ts_evento", _LATEST).dropDuplicatesWithinWatermark(["evento_id"])


def main() -> None:
    """Run the query until told to stop; end with its error, so that the supervisor starts it again."""
    configure_logging()
    env, alive = LabEnv.from_environ(), heartbeat(load_lab())
    lab_spark = LabSpark(env)
    spark = lab_spark.session()
    query = start(spark, env)
    _log.info("running", topic=TOPIC, table=TABLE)

    def stop(_number: int, _frame: object) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    try:
        while not query.awaitTermination(_LOOK_SECONDS):
            if query.lastProgress is not None:
                alive.touch()
    finally:
        lab_spark.stop()


if __name__ == "__main__":
    main()
