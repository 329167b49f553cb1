# MERGE with all three clauses: update, insert, and delete what Silver no longer has on the touched days. The join is a lookup in a map.

# %% tags=["solution:labelled"]
NOT_IN_CATALOGUE, NO_CATEGORY = "(sem cadastro)", "(sem categoria)"


def labelled(orders: DataFrame, catalogue: DataFrame) -> DataFrame:
    newest = catalogue.groupBy("produto_id").agg(F.max(F.struct("atualizado_em", "categoria"))["categoria"].alias("name"))
    names = newest.agg(F.map_from_entries(F.collect_list(F.struct("produto_id", F.coalesce("name", F.lit(NO_CATEGORY))))).alias("names"))
    rows = orders.crossJoin(names).withColumn("categoria", F.coalesce(F.col("names")[F.col("produto_id")], F.lit(NOT_IN_CATALOGUE)))
    seconds = F.unix_timestamp("ts_evento") - 3 * 3600
    return rows.withColumn("dia", F.date_from_unix_date((F.floor(seconds / 86400)).cast("int"))).drop("names")


# %% tags=["solution:refresh-gold"]
def refresh_gold(changes: str, silver: str, products: str, gold: str) -> None:
    from delta.tables import DeltaTable as Table

    catalogue = spark.read.parquet(products)
    orders = labelled(spark.read.format("delta").load(silver), catalogue)
    touched = labelled(spark.read.parquet(changes), catalogue).select("dia").distinct()
    cells = orders.join(touched, "dia", "left_semi").groupBy("dia", "categoria", "regiao")
    cells = cells.agg(F.count("pedido_id").cast("int").alias("pedidos"), F.sum("valor").cast("decimal(14,2)").alias("receita"))
    days = [row["dia"] for row in touched.collect()]
    if not days:
        return
    if not Table.isDeltaTable(spark, gold):
        cells.write.format("delta").save(gold)
        return
    merge = Table.forPath(spark, gold).alias("old").merge(cells.alias("new"), "old.dia = new.dia AND old.categoria = new.categoria AND old.regiao = new.regiao")
    gone = F.col("old.dia").isin(days)
    merge.whenMatchedUpdateAll().whenNotMatchedInsertAll().whenNotMatchedBySourceDelete(gone).execute()
