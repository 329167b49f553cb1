# loses: silver.quarantine
# moeda <> "BRL" is null for a null, and null is not true: orders without a currency get through.

# %% tags=["solution:with-reason"]
def with_reason(rows: DataFrame) -> DataFrame:
    refund = F.coalesce(F.col("observacao").contains("Estorno"), F.lit(False))
    needed = F.coalesce(*[F.when(F.col(name).isNull(), True) for name in ("pedido_id", "versao", "valor", "ts_evento")])
    reason = (
        F.when(F.col("corrupt"), "not_json")
        .when(needed, "unreadable")
        .when(F.col("moeda") != "BRL", "bad_currency")
        .when(F.col("ts_evento") > F.col("ingested_at"), "future_event")
        .when((F.col("valor") < 0) & ~refund, "negative_amount")
    )
    return rows.withColumn("reason", reason)
