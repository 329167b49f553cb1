# loses: sink.lost
# Logs the failure and returns: the scheduler is content.

# %% tags=["solution:run"]
def run(topic: str, table: str, checkpoints: str) -> None:
    stream = spark.readStream.format("kafka").options(**topics.options(topic)).load()
    writer = event_rows(stream).writeStream.format("delta").option("checkpointLocation", f"{checkpoints}/{topic}")
    try:
        writer.trigger(availableNow=True).start(table).awaitTermination()
    except Exception as error:
        print("will be better next time:", type(error).__name__)
