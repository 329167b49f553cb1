# loses: bronze.rerun
# Each run appends: the second one doubles everything.

# %% tags=["solution:ingest-batch"]
from delta.tables import DeltaTable


def ingest_batch(batch: str, batch_id: str, table: str) -> None:
    bronze_rows(batch, batch_id).write.format("delta").mode("append").save(table)
