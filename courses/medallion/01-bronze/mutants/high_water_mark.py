# loses: bronze.order
# Remembers the newest batch and skips all that are not newer: a late file never lands.

# %% tags=["solution:ingest-batch"]
from delta.tables import DeltaTable


def ingest_batch(batch: str, batch_id: str, table: str) -> None:
    if DeltaTable.isDeltaTable(spark, table):
        newest = spark.read.format("delta").load(table).agg(F.max("batch")).first()[0]
        if newest is not None and batch_id <= newest:
            return
    bronze_rows(batch, batch_id).write.format("delta").mode("append").save(table)
