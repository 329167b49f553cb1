# The same as SQL over a streaming view; both queries run at the same time.

# %% tags=["solution:run-stream"]
def run_stream(inbox: str, windows: str, aside: str, checkpoint: str) -> None:
    events = classify(read_events(inbox))
    events.where("why IS NULL").withWatermark("ts_evento", "120 minutes").createOrReplaceTempView("in_time")
    events.where("why IS NOT NULL").createOrReplaceTempView("not_in_time")
    counted = spark.sql("""
        SELECT canal, window.start AS window_start, COUNT(1) AS eventos, CAST(SUM(CAST(valor AS DECIMAL(12, 2))) AS DOUBLE) AS total,
               CAST(from_utc_timestamp(window.start, 'America/Sao_Paulo') AS DATE) AS dia
        FROM in_time GROUP BY canal, window(ts_evento, '10 minutes')
    """)
    apart = spark.sql("SELECT evento_id, why FROM not_in_time")
    queries = [
        counted.writeStream.format("delta").option("checkpointLocation", f"{checkpoint}/1"),
        apart.writeStream.format("delta").option("checkpointLocation", f"{checkpoint}/2"),
    ]
    running = [query.trigger(availableNow=True).start(table) for query, table in zip(queries, (windows, aside))]
    for query in running:
        query.awaitTermination()
