# DataFrames without MERGE: old and new rows in one, the newest of each order by max of a struct, the whole table written anew.

# %% tags=["solution:typed-rows"]
def typed_rows(rows: DataFrame) -> DataFrame:
    def field(name: str) -> Column:
        return F.get_json_object("raw", f"$['{name}']")

    amount = field("valor")
    place = F.coalesce(field(KEY), field(OTHER_KEY))
    names = spark.createDataFrame(list(REGIONS.items()), "spelling STRING, regiao STRING")
    valor = F.when(amount.rlike(","), F.regexp_replace(F.regexp_replace(amount, "[.]", ""), ",", ".")).otherwise(amount)
    typed = rows.select(
        "*", *[field(name).alias(name) for name in ("pedido_id", "cliente_id", "produto_id", "categoria", "moeda", "canal", "observacao")],
        field("versao").try_cast("INT").alias("versao"),
        valor.try_cast("DECIMAL(12,2)").alias("valor"),
        F.try_to_timestamp(F.regexp_replace(field("ts_evento"), "Z$", "+00:00"), F.lit("yyyy-MM-dd'T'HH:mm:ssXXX")).alias("ts_evento"),
        fold(place).alias("spelling"),
    )
    return typed.join(F.broadcast(names), "spelling", "left").drop("spelling")


# %% tags=["solution:with-reason"]
def with_reason(rows: DataFrame) -> DataFrame:
    rules = {
        "not_json": F.col("corrupt"),
        "unreadable": F.col("pedido_id").isNull() | F.col("versao").isNull() | F.col("valor").isNull() | F.col("ts_evento").isNull(),
        "bad_currency": F.coalesce(F.col("moeda"), F.lit("none")) != "BRL",
        "future_event": F.col("ts_evento") > F.col("ingested_at"),
        "negative_amount": (F.col("valor") < 0) & (F.locate("Estorno", F.coalesce("observacao", F.lit(""))) == 0),
    }
    return rows.withColumn("reason", F.coalesce(*[F.when(rule, word) for word, rule in rules.items()]))


# %% tags=["solution:refine-batch"]
def refine_batch(bronze: str, silver: str, quarantine: str) -> None:
    rows = with_reason(typed_rows(spark.read.parquet(bronze)))
    delta_table(silver, SILVER), delta_table(quarantine, QUARANTINE)
    old, held = (spark.read.format("delta").load(path) for path in (silver, quarantine))

    unusable = held.unionByName(rows.where("reason IS NOT NULL").select(*held.columns)).dropDuplicates(["batch", "raw"])
    unusable.write.format("delta").mode("overwrite").save(quarantine)

    every = old.unionByName(rows.where("reason IS NULL").select(*old.columns))
    newest = every.groupBy("pedido_id").agg(F.max_by(F.struct(*every.columns), "versao").alias("row")).select("row.*")
    newest.write.format("delta").mode("overwrite").save(silver)
