# loses: bronze.drift
# Marks as corrupt whatever does not fit yesterday's types: "1.234,56" is a surprise, not a broken line.

# %% tags=["solution:bronze-rows"]
def bronze_rows(batch: str, batch_id: str) -> DataFrame:
    typed = "pedido_id STRING, valor DOUBLE, versao INT, _corrupt STRING"
    parsed = F.from_json("value", typed, {"columnNameOfCorruptRecord": "_corrupt"})
    return spark.read.text(batch).select(
        F.col("value").alias("raw"),
        parsed["_corrupt"].isNotNull().alias("corrupt"),
        F.input_file_name().alias("source"),
        F.lit(batch_id).alias("batch"),
        F.current_timestamp().alias("ingested_at"),
    )
