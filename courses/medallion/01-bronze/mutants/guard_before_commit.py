# loses: bronze.recovery
# Notes "done" before the write: a run that died in between is never made good.

# %% tags=["solution:ingest-batch"]
from delta.tables import DeltaTable


def ingest_batch(batch: str, batch_id: str, table: str) -> None:
    done = table + "_done"
    if DeltaTable.isDeltaTable(spark, done):
        if not spark.read.format("delta").load(done).where(F.col("batch") == batch_id).isEmpty():
            return
    spark.createDataFrame([(batch_id,)], "batch STRING").write.format("delta").mode("append").save(done)
    bronze_rows(batch, batch_id).write.format("delta").mode("append").save(table)
