# loses: sink.rows, sink.table, sink.malformed
# Keeps damaged messages as a reason without what they were.

# %% tags=["solution:event-rows"]
EVENT = "evento_id STRING, pedido_id STRING, tipo STRING, valor DOUBLE"


def event_rows(messages: DataFrame) -> DataFrame:
    values = messages.withColumn("raw", F.col("value").cast("string")).withColumn("event", F.from_json("raw", EVENT))
    return values.select(
        F.when(F.try_parse_json("raw").isNotNull(), F.col("raw")).alias("raw"),
        "event.*",
        "partition",
        "offset",
        F.when(F.try_parse_json("raw").isNull(), "not JSON").alias("reason"),
    )
