# loses: sink.between
# Appends each batch by itself: the table does not know which batches it has.

# %% tags=["solution:run"]
def run(topic: str, table: str, checkpoints: str) -> None:
    def write(batch: DataFrame, number: int) -> None:
        batch.write.format("delta").mode("append").save(table)

    stream = spark.readStream.format("kafka").options(**topics.options(topic)).load()
    writer = event_rows(stream).writeStream.foreachBatch(write).option("checkpointLocation", f"{checkpoints}/{topic}")
    writer.trigger(availableNow=True).start().awaitTermination()
