# loses: silver.accounting
# dropna over the columns that everyone knows: an order without a category is gone, and nobody is told.

# %% tags=["solution:refine-batch"]
def refine_batch(bronze: str, silver: str, quarantine: str) -> None:
    rows = with_reason(typed_rows(spark.read.parquet(bronze)))

    unusable = rows.where("reason IS NOT NULL").dropDuplicates(["batch", "raw"])
    same_line = "old.batch = new.batch AND old.raw = new.raw"
    merge = delta_table(quarantine, QUARANTINE).merge(fitting(unusable, QUARANTINE), same_line, "new", "old")
    merge.when_not_matched_insert_all().execute()

    newest_first = Window.partitionBy("pedido_id").orderBy(F.desc("versao"))
    newest = rows.where("reason IS NULL").dropna("any", subset=["cliente_id", "produto_id", "categoria", "regiao", "moeda"]).withColumn("place", F.row_number().over(newest_first)).where("place = 1")
    merge = delta_table(silver, SILVER).merge(fitting(newest, SILVER), "old.pedido_id = new.pedido_id", "new", "old")
    merge.when_matched_update_all("new.versao > old.versao").when_not_matched_insert_all().execute()
