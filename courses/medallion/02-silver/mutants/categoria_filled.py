# loses: silver.fields
# "No nulls in my Silver": makes up a category that nobody sent.

# %% tags=["solution:typed-rows"]
FIELDS = f"""pedido_id STRING, versao STRING, cliente_id STRING, produto_id STRING, categoria STRING, `{KEY}` STRING, `{OTHER_KEY}` STRING,
    valor STRING, moeda STRING, canal STRING, ts_evento STRING, observacao STRING"""


def typed_rows(rows: DataFrame) -> DataFrame:
    text = rows.withColumn("line", F.when(~F.col("corrupt"), F.from_json("raw", FIELDS)))
    valor = F.col("line.valor")
    return text.select(
        "raw", "corrupt", "source", "batch", "ingested_at",
        "line.pedido_id", F.col("line.versao").try_cast("INT").alias("versao"), "line.cliente_id", "line.produto_id",
        F.coalesce("line.categoria", F.lit("Outros")).alias("categoria"), "line.moeda", "line.canal", "line.observacao",
        F.when(valor.contains(","), F.translate(valor, ",.", ".")).otherwise(valor).try_cast("DECIMAL(12,2)").alias("valor"),
        region_name(F.coalesce(f"line.{KEY}", f"line.{OTHER_KEY}")).alias("regiao"),
        F.col("line.ts_evento").try_cast("TIMESTAMP").alias("ts_evento"),
    )
