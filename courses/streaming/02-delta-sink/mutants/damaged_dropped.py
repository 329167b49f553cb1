# loses: sink.rows, sink.table, sink.malformed
# What is no event has no place in the table.

# %% tags=["solution:event-rows"]
EVENT = "evento_id STRING, pedido_id STRING, tipo STRING, valor DOUBLE"


def event_rows(messages: DataFrame) -> DataFrame:
    values = messages.withColumn("raw", F.col("value").cast("string")).withColumn("event", F.from_json("raw", EVENT))
    return values.select(
        "raw",
        "event.*",
        "partition",
        "offset",
        F.when(F.try_parse_json("raw").isNull(), "not JSON").alias("reason"),
    ).where("reason IS NULL")
