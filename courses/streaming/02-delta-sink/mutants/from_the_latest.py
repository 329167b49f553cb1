# loses: sink.table, sink.once, sink.alone
# Begins with what comes from now on: what was in the topic before is never read.

# %% tags=["solution:run"]
def run(topic: str, table: str, checkpoints: str) -> None:
    stream = spark.readStream.format("kafka").options(**topics.options(topic)).option("startingOffsets", "latest").load()
    writer = event_rows(stream).writeStream.format("delta").option("checkpointLocation", f"{checkpoints}/{topic}")
    writer.trigger(availableNow=True).start(table).awaitTermination()
