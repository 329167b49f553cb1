# loses: sink.alone
# One checkpoint for all queries of the house.

# %% tags=["solution:run"]
def run(topic: str, table: str, checkpoints: str) -> None:
    stream = spark.readStream.format("kafka").options(**topics.options(topic)).load()
    writer = event_rows(stream).writeStream.format("delta").option("checkpointLocation", checkpoints)
    writer.trigger(availableNow=True).start(table).awaitTermination()
