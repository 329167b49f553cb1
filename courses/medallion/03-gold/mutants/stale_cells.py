# loses: gold.grain, gold.incremental
# MERGE updates and inserts; a cell whose last order moved to another region stays for ever.

# %% tags=["solution:refresh-gold"]
def refresh_gold(changes: str, silver: str, products: str, gold: str) -> None:
    catalogue = spark.read.parquet(products)
    days = [row["dia"] for row in labelled(spark.read.parquet(changes), catalogue).select("dia").distinct().collect()]
    if not days:
        return
    orders = labelled(spark.read.format("delta").load(silver), catalogue).where(F.col("dia").isin(days))
    cells = orders.groupBy("dia", "categoria", "regiao").agg(F.count("*").alias("pedidos"), F.sum("valor").alias("receita"))
    if not DeltaTable.is_deltatable(gold, lake.storage_options):
        return replace_days(cells, days, gold)
    key = "old.dia = new.dia AND old.categoria = new.categoria AND old.regiao = new.regiao"
    merge = lake.table(gold).merge(cells.toArrow(), key, source_alias="new", target_alias="old")
    merge.when_matched_update_all().when_not_matched_insert_all().execute()
