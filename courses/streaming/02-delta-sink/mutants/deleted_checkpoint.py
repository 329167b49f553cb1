# loses: sink.table, sink.once, sink.refused, sink.lost
# Tidies up behind itself: with the checkpoint goes all that the query knew.

# %% tags=["solution:run"]
def run(topic: str, table: str, checkpoints: str) -> None:
    stream = spark.readStream.format("kafka").options(**topics.options(topic)).load()
    writer = event_rows(stream).writeStream.format("delta").option("checkpointLocation", f"{checkpoints}/{topic}")
    writer.trigger(availableNow=True).start(table).awaitTermination()
    folder = spark._jvm.org.apache.hadoop.fs.Path(f"{checkpoints}/{topic}")
    folder.getFileSystem(spark._jsc.hadoopConfiguration()).delete(folder, True)
