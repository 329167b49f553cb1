# loses: gold.grain, gold.incremental
# "The past is done": counts from the newest day of Gold on, and late corrections never arrive.

# %% tags=["solution:refresh-gold"]
def refresh_gold(changes: str, silver: str, products: str, gold: str) -> None:
    catalogue = spark.read.parquet(products)
    days = [row["dia"] for row in labelled(spark.read.parquet(changes), catalogue).select("dia").distinct().collect()]
    if DeltaTable.is_deltatable(gold, lake.storage_options):
        newest = max(lake.table(gold).to_pandas()["dia"])
        days = [day for day in days if day >= newest]
    if not days:
        return
    orders = labelled(spark.read.format("delta").load(silver), catalogue).where(F.col("dia").isin(days))
    cells = orders.groupBy("dia", "categoria", "regiao").agg(F.count("*").alias("pedidos"), F.sum("valor").alias("receita"))
    replace_days(cells, days, gold)
