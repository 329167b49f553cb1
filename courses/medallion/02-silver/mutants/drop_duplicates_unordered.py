# loses: silver.newest
# dropDuplicates keeps any row of an order, not the newest.

# %% tags=["solution:refine-batch"]
def refine_batch(bronze: str, silver: str, quarantine: str) -> None:
    rows = with_reason(typed_rows(spark.read.parquet(bronze))).localCheckpoint()  # read and parse once, for both writes

    unusable = rows.where("reason IS NOT NULL").dropDuplicates(["batch", "raw"])
    same_line = "old.batch = new.batch AND old.raw = new.raw"
    delta_table(quarantine, QUARANTINE).alias("old").merge(unusable.alias("new"), same_line).whenNotMatchedInsertAll().execute()

    newest = rows.where("reason IS NULL").dropDuplicates(["pedido_id"])
    merge = delta_table(silver, SILVER).alias("old").merge(newest.alias("new"), "old.pedido_id = new.pedido_id")
    merge.whenMatchedUpdateAll(condition="new.versao > old.versao").whenNotMatchedInsertAll().execute()
