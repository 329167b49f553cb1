# loses: windows.bounded
# No stream at all: reads everything again and replaces both tables. Right today, and slower every day.

# %% tags=["solution:run-stream"]
def run_stream(inbox: str, windows: str, aside: str, checkpoint: str) -> None:
    events = classify(read_events(inbox, stream=False))
    counted = (
        events.where("why IS NULL")
        .groupBy(F.window("ts_evento", "10 minutes").alias("w"), "canal")
        .agg(F.count("*").alias("eventos"), F.sum("valor").alias("total"))
        .select(F.col("w.start").alias("window_start"), "canal", "eventos", "total")
        .withColumn("dia", F.to_date(F.from_utc_timestamp("window_start", "America/Sao_Paulo")))
    )
    counted.write.format("delta").mode("overwrite").save(windows)
    events.where("why IS NOT NULL").select("evento_id", "why").write.format("delta").mode("overwrite").save(aside)
