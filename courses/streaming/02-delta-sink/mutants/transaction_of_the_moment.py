# loses: sink.between
# Gives each write a transaction, with a name that is another one each time.

# %% tags=["solution:run"]
from uuid import uuid4


def run(topic: str, table: str, checkpoints: str) -> None:
    name = str(uuid4())

    def write(batch: DataFrame, number: int) -> None:
        batch.write.format("delta").mode("append").option("txnAppId", name).option("txnVersion", number).save(table)

    stream = spark.readStream.format("kafka").options(**topics.options(topic)).load()
    writer = event_rows(stream).writeStream.foreachBatch(write).option("checkpointLocation", f"{checkpoints}/{topic}")
    writer.trigger(availableNow=True).start().awaitTermination()
