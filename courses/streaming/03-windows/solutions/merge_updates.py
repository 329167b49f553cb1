# Update mode: every window as far as it is known, merged into the table batch by batch; one query feeds the other table too.

# %% tags=["solution:run-stream"]
from delta.tables import DeltaTable


def run_stream(inbox: str, windows: str, aside: str, checkpoint: str) -> None:
    events = classify(read_events(inbox))
    spans = F.window("ts_evento", "10 minutes")
    totals = (
        events.where(F.col("why").isNull())
        .withWatermark("ts_evento", "2 hours")
        .groupBy("canal", spans)
        .agg(F.sum("valor").alias("total"), F.count("evento_id").alias("eventos"))
    )

    def upsert(batch: DataFrame, number: int) -> None:
        start = F.col("window.start")
        rows = batch.select(start.alias("window_start"), "canal", "eventos", "total", F.to_date(start - F.expr("INTERVAL 3 HOURS")).alias("dia"))
        if not DeltaTable.isDeltaTable(spark, windows):
            rows.limit(0).write.format("delta").save(windows)
        merge = DeltaTable.forPath(spark, windows).alias("t").merge(rows.alias("s"), "t.window_start = s.window_start AND t.canal = s.canal")
        merge.whenMatchedUpdateAll().whenNotMatchedInsertAll().execute()

    query = totals.writeStream.outputMode("update").foreachBatch(upsert).option("checkpointLocation", f"{checkpoint}/w")
    query.trigger(availableNow=True).start().awaitTermination()
    rest = events.where(F.col("why").isNotNull()).select("why", "evento_id")
    query = rest.writeStream.format("delta").option("checkpointLocation", f"{checkpoint}/a")
    query.trigger(availableNow=True).start(aside).awaitTermination()
