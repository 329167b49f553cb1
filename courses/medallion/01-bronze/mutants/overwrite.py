# loses: bronze.counts, bronze.lossless, bronze.corrupt, bronze.drift, bronze.rerun, bronze.recovery
# "I used overwrite so that running twice is safe": only the last file is left.

# %% tags=["solution:ingest-batch"]
from delta.tables import DeltaTable


def ingest_batch(batch: str, batch_id: str, table: str) -> None:
    bronze_rows(batch, batch_id).write.format("delta").mode("overwrite").save(table)
