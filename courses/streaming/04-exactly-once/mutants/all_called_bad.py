# loses: once.reasons, once.stop, once.poison
# One reason for everything: whoever has to repair the sender learns nothing.

# %% tags=["solution:parse"]
def parse(lines: DataFrame) -> DataFrame:
    def field(name: str):
        return F.get_json_object("raw", f"$.{name}")

    rows = lines.select(
        "raw",
        field("pedido_id").alias("pedido_id"),
        field("versao").try_cast("long").alias("versao"),
        field("status").alias("status"),
        field("valor").try_cast("double").alias("valor"),
    )
    why = F.when(F.isnull("pedido_id") | F.isnull("valor"), "not_json")
    return rows.withColumn("why", why.cast("string"))
