# loses: delta.join, delta.asof
# Joins with where people live today: last year's numbers change whenever somebody moves.

# %% tags=["solution:as-of-join"]
def as_of_join(orders: str, history: str, out: str) -> None:
    o = spark.read.schema(ORDER).json(orders).alias("o")
    h = spark.read.format("delta").load(history).alias("h")
    valid = F.col("h.is_current")
    joined = o.join(h, (F.col("o.cliente_id") == F.col("h.cliente_id")) & valid, "left")
    joined.select("o.*", "h.cidade", "h.plano").write.format("delta").mode("overwrite").option("overwriteSchema", True).save(out)
