# loses: silver.quarantine
# Each rule overwrites the one before: with two faults, the last one in the list is told.

# %% tags=["solution:with-reason"]
def with_reason(rows: DataFrame) -> DataFrame:
    refund = F.coalesce(F.col("observacao").contains("Estorno"), F.lit(False))
    needed = F.coalesce(*[F.when(F.col(name).isNull(), True) for name in ("pedido_id", "versao", "valor", "ts_evento")])
    reason = (
        F.when((F.col("valor") < 0) & ~refund, "negative_amount")
        .when(F.col("ts_evento") > F.col("ingested_at"), "future_event")
        .when(~F.col("corrupt") & ~F.col("moeda").eqNullSafe("BRL"), "bad_currency")
        .when(~F.col("corrupt") & needed, "unreadable")
        .when(F.col("corrupt"), "not_json")
    )
    return rows.withColumn("reason", reason)
