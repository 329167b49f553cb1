# loses: windows.rule, windows.table, windows.counts, windows.aside, windows.order
# Reads the clock and cuts off the zone.

# %% tags=["solution:classify"]
def classify(events: DataFrame) -> DataFrame:
    raw = F.when(F.col("evento_id").substr(-1, 1) < "4", F.col("ts_evento")).otherwise(F.col("ts_evento") - F.expr("INTERVAL 3 HOURS"))
    events = events.withColumn("ts_evento", raw)
    behind = F.unix_timestamp("ts_ingestao") - F.unix_timestamp("ts_evento")
    why = F.when(behind > 2 * 3600, "late").when(behind < -600, "future")
    return events.withColumn("behind", behind).withColumn("why", why.cast("string"))
