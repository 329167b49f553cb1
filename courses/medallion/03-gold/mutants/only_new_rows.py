# loses: gold.grain, gold.incremental
# Replaces a day by the rows of the file: of a corrected day only the correction is left.

# %% tags=["solution:refresh-gold"]
def refresh_gold(changes: str, silver: str, products: str, gold: str) -> None:
    catalogue = spark.read.parquet(products)
    days = [row["dia"] for row in labelled(spark.read.parquet(changes), catalogue).select("dia").distinct().collect()]
    if not days:
        return
    orders = labelled(spark.read.parquet(changes), catalogue).where(F.col("dia").isin(days))
    cells = orders.groupBy("dia", "categoria", "regiao").agg(F.count("*").alias("pedidos"), F.sum("valor").alias("receita"))
    replace_days(cells, days, gold)
