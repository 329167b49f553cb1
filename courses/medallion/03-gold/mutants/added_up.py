# loses: gold.grain, gold.incremental
# Adds the file's sums to Gold's: a correction counts twice, and so does a file that is run again.

# %% tags=["solution:refresh-gold"]
def refresh_gold(changes: str, silver: str, products: str, gold: str) -> None:
    catalogue = spark.read.parquet(products)
    days = labelled(spark.read.parquet(changes), catalogue).select("dia").distinct().collect()
    if not days:
        return
    touched = "dia IN (" + ", ".join(f"DATE'{row['dia']}'" for row in days) + ")"
    orders = labelled(spark.read.parquet(changes), catalogue)
    cells = orders.groupBy("dia", "categoria", "regiao").agg(F.count("*").alias("pedidos"), F.sum("valor").alias("receita"))
    cells.limit(0).write.format("delta").mode("ignore").save(gold)
    from delta.tables import DeltaTable as Table

    key = "old.dia = new.dia AND old.categoria = new.categoria AND old.regiao = new.regiao"
    sums = {"pedidos": F.expr("old.pedidos + new.pedidos"), "receita": F.expr("old.receita + new.receita")}
    merge = Table.forPath(spark, gold).alias("old").merge(cells.alias("new"), key)
    merge.whenMatchedUpdate(set=sums).whenNotMatchedInsertAll().execute()
