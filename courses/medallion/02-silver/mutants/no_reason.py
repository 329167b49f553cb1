# loses: silver.reasons, silver.quarantine
# Quarantine without a reason: the shop is told that something is wrong, not what.

# %% tags=["solution:with-reason"]
def with_reason(rows: DataFrame) -> DataFrame:
    refund = F.coalesce(F.col("observacao").contains("Estorno"), F.lit(False))
    needed = F.coalesce(*[F.when(F.col(name).isNull(), True) for name in ("pedido_id", "versao", "valor", "ts_evento")])
    reason = (
        F.when(F.col("corrupt"), "not_json")
        .when(needed | ~F.col("moeda").eqNullSafe("BRL") | (F.col("ts_evento") > F.col("ingested_at")) | ((F.col("valor") < 0) & ~refund), "invalid")
    )
    return rows.withColumn("reason", reason)
