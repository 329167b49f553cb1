# loses: silver.rerun, silver.recovery
# Merges Silver but appends to quarantine: each run tells the shop once more.

# %% tags=["solution:refine-batch"]
def refine_batch(bronze: str, silver: str, quarantine: str) -> None:
    rows = with_reason(typed_rows(spark.read.parquet(bronze)))

    unusable = rows.where("reason IS NOT NULL").dropDuplicates(["batch", "raw"])
    delta_table(quarantine, QUARANTINE)
    write_deltalake(quarantine, fitting(unusable, QUARANTINE), mode="append", storage_options=lake.storage_options)

    newest_first = Window.partitionBy("pedido_id").orderBy(F.desc("versao"))
    newest = rows.where("reason IS NULL").withColumn("place", F.row_number().over(newest_first)).where("place = 1")
    merge = delta_table(silver, SILVER).merge(fitting(newest, SILVER), "old.pedido_id = new.pedido_id", "new", "old")
    merge.when_matched_update_all("new.versao > old.versao").when_not_matched_insert_all().execute()
