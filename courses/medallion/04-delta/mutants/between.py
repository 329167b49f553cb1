# loses: delta.join, delta.asof
# BETWEEN takes both ends in: an order in the second of a change is there twice.

# %% tags=["solution:as-of-join"]
def as_of_join(orders: str, history: str, out: str) -> None:
    o = spark.read.schema(ORDER).json(orders).alias("o")
    h = spark.read.format("delta").load(history).alias("h")
    valid = (F.col("o.ts_evento") >= F.col("h.valid_from")) & (F.col("h.valid_to").isNull() | (F.col("o.ts_evento") <= F.col("h.valid_to")))
    joined = o.join(h, (F.col("o.cliente_id") == F.col("h.cliente_id")) & valid, "left")
    joined.select("o.*", "h.cidade", "h.plano").write.format("delta").mode("overwrite").option("overwriteSchema", True).save(out)
