# loses: gold.grain, gold.incremental
# "The past is done": counts from the newest day of Gold on, and late corrections never arrive.

# %% tags=["solution:refresh-gold"]
def refresh_gold(changes: str, silver: str, products: str, gold: str) -> None:
    catalogue = spark.read.parquet(products)
    days = labelled(spark.read.parquet(changes), catalogue).select("dia").distinct().collect()
    if not days:
        return
    if DeltaTable.is_deltatable(gold, lake.storage_options):
        newest = spark.read.format("delta").load(gold).agg(F.max("dia")).first()[0]
        days = [row for row in days if row["dia"] >= newest]
        if not days:
            return
    touched = "dia IN (" + ", ".join(f"DATE'{row['dia']}'" for row in days) + ")"
    orders = labelled(spark.read.format("delta").load(silver), catalogue).where(touched)
    cells = orders.groupBy("dia", "categoria", "regiao").agg(F.count("*").alias("pedidos"), F.sum("valor").alias("receita"))
    cells.write.format("delta").mode("overwrite").option("replaceWhere", touched).save(gold)
