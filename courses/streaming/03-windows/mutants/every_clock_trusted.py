# loses: windows.table, windows.counts, windows.aside, windows.order, windows.bounded
# One cash register in 2028 moves the watermark there; all that follows is dropped.

# %% tags=["solution:run-stream"]
def run_stream(inbox: str, windows: str, aside: str, checkpoint: str) -> None:
    events = classify(read_events(inbox))
    counted = (
        events.where("why IS NULL OR why = 'future'")
        .withWatermark("ts_evento", "2 hours")
        .groupBy(F.window("ts_evento", "10 minutes").alias("w"), "canal")
        .agg(F.count("*").alias("eventos"), F.sum("valor").alias("total"))
        .select(F.col("w.start").alias("window_start"), "canal", "eventos", "total")
        .withColumn("dia", F.to_date(F.from_utc_timestamp("window_start", "America/Sao_Paulo")))
    )
    apart = events.where("why = 'late'").select("evento_id", "why")
    for name, table, rows in (("windows", windows, counted), ("aside", aside, apart)):
        writer = rows.writeStream.format("delta").outputMode("append").option("checkpointLocation", f"{checkpoint}/{name}")
        writer.trigger(availableNow=True).start(table).awaitTermination()
