# loses: silver.newest
# Inserts only: the version that came first stays for ever.

# %% tags=["solution:refine-batch"]
def refine_batch(bronze: str, silver: str, quarantine: str) -> None:
    rows = with_reason(typed_rows(spark.read.parquet(bronze)))

    unusable = rows.where("reason IS NOT NULL").dropDuplicates(["batch", "raw"])
    same_line = "old.batch = new.batch AND old.raw = new.raw"
    merge = delta_table(quarantine, QUARANTINE).merge(fitting(unusable, QUARANTINE), same_line, "new", "old")
    merge.when_not_matched_insert_all().execute()

    newest_first = Window.partitionBy("pedido_id").orderBy(F.desc("versao"))
    newest = rows.where("reason IS NULL").withColumn("place", F.row_number().over(newest_first)).where("place = 1")
    merge = delta_table(silver, SILVER).merge(fitting(newest, SILVER), "old.pedido_id = new.pedido_id", "new", "old")
    merge.when_not_matched_insert_all().execute()
