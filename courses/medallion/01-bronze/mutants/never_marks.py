# loses: bronze.corrupt
# Keeps every line but marks none: get_json_object finds "something" even in half a line.

# %% tags=["solution:bronze-rows"]
def bronze_rows(batch: str, batch_id: str) -> DataFrame:
    return spark.read.text(batch).select(
        F.col("value").alias("raw"),
        (F.length("value") == 0).alias("corrupt"),
        F.input_file_name().alias("source"),
        F.lit(batch_id).alias("batch"),
        F.current_timestamp().alias("ingested_at"),
    )
