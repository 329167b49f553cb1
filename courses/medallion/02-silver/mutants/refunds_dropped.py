# loses: silver.refunds
# "Revenue is what we sold": drops what is below zero after the rules.

# %% tags=["solution:refine-batch"]
def refine_batch(bronze: str, silver: str, quarantine: str) -> None:
    rows = with_reason(typed_rows(spark.read.parquet(bronze)))

    unusable = rows.where("reason IS NOT NULL").dropDuplicates(["batch", "raw"])
    same_line = "old.batch = new.batch AND old.raw = new.raw"
    merge = delta_table(quarantine, QUARANTINE).merge(fitting(unusable, QUARANTINE), same_line, "new", "old")
    merge.when_not_matched_insert_all().execute()

    newest_first = Window.partitionBy("pedido_id").orderBy(F.desc("versao"))
    newest = rows.where("reason IS NULL AND valor >= 0").withColumn("place", F.row_number().over(newest_first)).where("place = 1")
    merge = delta_table(silver, SILVER).merge(fitting(newest, SILVER), "old.pedido_id = new.pedido_id", "new", "old")
    merge.when_matched_update_all("new.versao > old.versao").when_not_matched_insert_all().execute()
