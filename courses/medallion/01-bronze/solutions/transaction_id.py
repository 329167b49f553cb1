# Delta's own idempotent writes: the batch is the application, so a second commit of it is skipped by the log itself.

# %% tags=["solution:ingest-batch"]
from delta.tables import DeltaTable


def ingest_batch(batch: str, batch_id: str, table: str) -> None:
    rows = bronze_rows(batch, batch_id)
    rows.write.format("delta").mode("append").option("txnAppId", f"bronze-{batch_id}").option("txnVersion", 1).save(table)
