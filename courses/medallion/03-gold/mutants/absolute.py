# loses: gold.grain, gold.totals
# "Revenue cannot be below zero": `abs` turns each refund into a sale.

# %% tags=["solution:refresh-gold"]
def refresh_gold(changes: str, silver: str, products: str, gold: str) -> None:
    catalogue = spark.read.parquet(products)
    days = [row["dia"] for row in labelled(spark.read.parquet(changes), catalogue).select("dia").distinct().collect()]
    if not days:
        return
    orders = labelled(spark.read.format("delta").load(silver), catalogue).where(F.col("dia").isin(days))
    cells = orders.groupBy("dia", "categoria", "regiao").agg(F.count("*").alias("pedidos"), F.sum(F.abs("valor")).alias("receita"))
    replace_days(cells, days, gold)
