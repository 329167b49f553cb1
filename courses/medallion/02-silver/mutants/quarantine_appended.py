# loses: silver.rerun, silver.recovery
# Merges Silver but appends to quarantine: each run tells the shop once more.

# %% tags=["solution:refine-batch"]
def refine_batch(bronze: str, silver: str, quarantine: str) -> None:
    rows = with_reason(typed_rows(spark.read.parquet(bronze))).localCheckpoint()  # read and parse once, for both writes

    unusable = rows.where("reason IS NOT NULL").dropDuplicates(["batch", "raw"])
    delta_table(quarantine, QUARANTINE)
    columns = spark.read.format("delta").load(quarantine).columns
    unusable.select(*columns).write.format("delta").mode("append").save(quarantine)

    newest_first = Window.partitionBy("pedido_id").orderBy(F.desc("versao"))
    newest = rows.where("reason IS NULL").withColumn("place", F.row_number().over(newest_first)).where("place = 1")
    merge = delta_table(silver, SILVER).alias("old").merge(newest.alias("new"), "old.pedido_id = new.pedido_id")
    merge.whenMatchedUpdateAll(condition="new.versao > old.versao").whenNotMatchedInsertAll().execute()
