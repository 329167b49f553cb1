# loses: sink.table, sink.once, sink.refused, sink.between, sink.lost
# A new checkpoint for each run: everything is read again each time, and nobody misses what is gone.

# %% tags=["solution:run"]
from uuid import uuid4


def run(topic: str, table: str, checkpoints: str) -> None:
    stream = spark.readStream.format("kafka").options(**topics.options(topic)).load()
    writer = event_rows(stream).writeStream.format("delta").option("checkpointLocation", f"{checkpoints}/{topic}-{uuid4()}")
    writer.trigger(availableNow=True).start(table).awaitTermination()
