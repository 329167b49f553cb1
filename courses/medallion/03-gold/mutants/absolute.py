# loses: gold.grain, gold.totals
# "Revenue cannot be below zero": `abs` turns each refund into a sale.

# %% tags=["solution:refresh-gold"]
def refresh_gold(changes: str, silver: str, products: str, gold: str) -> None:
    catalogue = spark.read.parquet(products)
    days = labelled(spark.read.parquet(changes), catalogue).select("dia").distinct().collect()
    if not days:
        return
    touched = "dia IN (" + ", ".join(f"DATE'{row['dia']}'" for row in days) + ")"
    orders = labelled(spark.read.format("delta").load(silver), catalogue).where(touched)
    cells = orders.groupBy("dia", "categoria", "regiao").agg(F.count("*").alias("pedidos"), F.sum(F.abs("valor")).alias("receita"))
    cells.write.format("delta").mode("overwrite").option("replaceWhere", touched).save(gold)
