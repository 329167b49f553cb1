# foreachBatch with Delta's own transaction identifiers, at most 300 messages a batch.

# %% tags=["solution:run"]
def run(topic: str, table: str, checkpoints: str) -> None:
    def write(batch: DataFrame, number: int) -> None:
        writer = batch.write.format("delta").mode("append").option("mergeSchema", True)
        writer.option("txnAppId", f"{checkpoints}/{topic}").option("txnVersion", number).save(table)

    stream = spark.readStream.format("kafka").options(**topics.options(topic)).option("maxOffsetsPerTrigger", 300).load()
    query = event_rows(stream).writeStream.foreachBatch(write).option("checkpointLocation", f"{checkpoints}/{topic}").trigger(availableNow=True).start()
    query.awaitTermination()
    if query.exception() is not None:
        raise query.exception()
