# loses: gold.empty
# From the first to the last day of the file: an empty file has neither.

# %% tags=["solution:refresh-gold"]
def refresh_gold(changes: str, silver: str, products: str, gold: str) -> None:
    catalogue = spark.read.parquet(products)
    days = [row["dia"] for row in labelled(spark.read.parquet(changes), catalogue).select("dia").distinct().collect()]
    first, last = min(days), max(days)
    days = [day.date() for day in pd.date_range(first, last)]
    orders = labelled(spark.read.format("delta").load(silver), catalogue).where(F.col("dia").isin(days))
    cells = orders.groupBy("dia", "categoria", "regiao").agg(F.count("*").alias("pedidos"), F.sum("valor").alias("receita"))
    replace_days(cells, days, gold)
