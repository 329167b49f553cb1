# loses: bronze.counts, bronze.corrupt
# "Broken lines are of no use to anybody": what DROPMALFORMED does, on text.

# %% tags=["solution:ingest-batch"]
from delta.tables import DeltaTable


def ingest_batch(batch: str, batch_id: str, table: str) -> None:
    if DeltaTable.isDeltaTable(spark, table):
        if not spark.read.format("delta").load(table).where(F.col("batch") == batch_id).isEmpty():
            return
    bronze_rows(batch, batch_id).where(~F.col("corrupt")).write.format("delta").mode("append").save(table)
