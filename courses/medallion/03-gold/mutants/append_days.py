# loses: gold.grain, gold.incremental
# Counts the touched days anew, and appends them: the old count stays.

# %% tags=["solution:refresh-gold"]
def refresh_gold(changes: str, silver: str, products: str, gold: str) -> None:
    catalogue = spark.read.parquet(products)
    days = labelled(spark.read.parquet(changes), catalogue).select("dia").distinct().collect()
    if not days:
        return
    touched = "dia IN (" + ", ".join(f"DATE'{row['dia']}'" for row in days) + ")"
    orders = labelled(spark.read.format("delta").load(silver), catalogue).where(touched)
    cells = orders.groupBy("dia", "categoria", "regiao").agg(F.count("*").alias("pedidos"), F.sum("valor").alias("receita"))
    cells.write.format("delta").mode("append").save(gold)
