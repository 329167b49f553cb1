# loses: gold.empty
# From the first to the last day of the file: an empty file has neither.

# %% tags=["solution:refresh-gold"]
def refresh_gold(changes: str, silver: str, products: str, gold: str) -> None:
    catalogue = spark.read.parquet(products)
    days = labelled(spark.read.parquet(changes), catalogue).select("dia").distinct().collect()
    every = [row["dia"] for row in days]
    touched = f"dia BETWEEN DATE'{min(every)}' AND DATE'{max(every)}'"
    orders = labelled(spark.read.format("delta").load(silver), catalogue).where(touched)
    cells = orders.groupBy("dia", "categoria", "regiao").agg(F.count("*").alias("pedidos"), F.sum("valor").alias("receita"))
    cells.write.format("delta").mode("overwrite").option("replaceWhere", touched).save(gold)
