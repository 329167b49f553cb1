# loses: bronze.empty
# Takes an empty file for an error; the night without orders wakes somebody up.

# %% tags=["solution:ingest-batch"]
from delta.tables import DeltaTable


def ingest_batch(batch: str, batch_id: str, table: str) -> None:
    rows = bronze_rows(batch, batch_id)
    if rows.isEmpty():
        raise ValueError(f"{batch} is empty")
    if DeltaTable.isDeltaTable(spark, table):
        if not spark.read.format("delta").load(table).where(F.col("batch") == batch_id).isEmpty():
            return
    rows.write.format("delta").mode("append").save(table)
