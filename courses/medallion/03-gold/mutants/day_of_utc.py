# loses: gold.labels, gold.days
# "A day is a day": what is bought at nine in the evening is on tomorrow.

# %% tags=["solution:labelled"]
NOT_IN_CATALOGUE, NO_CATEGORY = "(sem cadastro)", "(sem categoria)"


def labelled(orders: DataFrame, catalogue: DataFrame) -> DataFrame:
    known = newest_rows(catalogue).select("produto_id", F.col("categoria").alias("its_category"), F.lit(True).alias("known"))
    joined = orders.join(known, "produto_id", "left")
    dia = F.to_date("ts_evento")
    categoria = F.when(F.col("known"), F.coalesce("its_category", F.lit(NO_CATEGORY))).otherwise(NOT_IN_CATALOGUE)
    return joined.select("pedido_id", dia.alias("dia"), categoria.alias("categoria"), "regiao", "valor")
