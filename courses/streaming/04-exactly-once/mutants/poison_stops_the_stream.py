# loses: once.reasons, once.stop, once.newest, once.poison, once.before, once.between, once.checkpoint
# A cast that raises: the first bad value stops the stream, and each next run meets it again.

# %% tags=["solution:parse"]
def parse(lines: DataFrame) -> DataFrame:
    def field(name: str):
        return F.get_json_object("raw", f"$.{name}")

    rows = lines.select(
        "raw",
        field("pedido_id").alias("pedido_id"),
        field("versao").cast("long").alias("versao"),
        field("status").alias("status"),
        field("valor").cast("double").alias("valor"),
    )
    not_json = F.try_parse_json("raw").isNull()
    why = F.when(not_json, "not_json").when(F.isnull("pedido_id"), "no_key").when(F.isnull("valor"), "bad_value")
    return rows.withColumn("why", why.cast("string"))
