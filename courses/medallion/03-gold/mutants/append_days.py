# loses: gold.grain, gold.incremental
# Counts the touched days anew, and appends them: the old count stays.

# %% tags=["solution:refresh-gold"]
def refresh_gold(changes: str, silver: str, products: str, gold: str) -> None:
    catalogue = spark.read.parquet(products)
    days = [row["dia"] for row in labelled(spark.read.parquet(changes), catalogue).select("dia").distinct().collect()]
    if not days:
        return
    orders = labelled(spark.read.format("delta").load(silver), catalogue).where(F.col("dia").isin(days))
    cells = orders.groupBy("dia", "categoria", "regiao").agg(F.count("*").alias("pedidos"), F.sum("valor").alias("receita"))
    write_deltalake(gold, cells.toArrow(), mode="append", storage_options=lake.storage_options)
