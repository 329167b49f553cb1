# loses: gold.labels, gold.orphans
# "A product that is not in the catalogue is a mistake anyway": its orders are gone.

# %% tags=["solution:labelled"]
NOT_IN_CATALOGUE, NO_CATEGORY = "(sem cadastro)", "(sem categoria)"


def labelled(orders: DataFrame, catalogue: DataFrame) -> DataFrame:
    known = newest_rows(catalogue).select("produto_id", F.col("categoria").alias("its_category"), F.lit(True).alias("known"))
    joined = orders.join(known, "produto_id")
    dia = F.to_date(F.from_utc_timestamp("ts_evento", "America/Sao_Paulo"))
    categoria = F.when(F.col("known"), F.coalesce("its_category", F.lit(NO_CATEGORY))).otherwise(NOT_IN_CATALOGUE)
    return joined.select("pedido_id", dia.alias("dia"), categoria.alias("categoria"), "regiao", "valor")
