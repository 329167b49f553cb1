# Parses with an all-text schema and _corrupt_record, keeps the parsed columns too, and replaces the batch's own rows each time.

# %% tags=["solution:bronze-rows"]
from delta.tables import DeltaTable

KNOWN = "pedido_id STRING, cliente_id STRING, valor STRING, moeda STRING, ts_evento STRING, versao STRING, _corrupt_record STRING"


def bronze_rows(batch: str, batch_id: str) -> DataFrame:
    parsed = F.from_json("value", KNOWN, {"columnNameOfCorruptRecord": "_corrupt_record"})
    lines = spark.read.text(batch).withColumn("parsed", parsed)
    return lines.select(
        F.current_timestamp().alias("ingested_at"),
        F.col("parsed._corrupt_record").isNotNull().alias("corrupt"),
        F.regexp_extract(F.col("_metadata.file_path"), r"[^/]+$", 0).alias("source"),
        F.lit(batch_id).alias("batch"),
        F.col("value").alias("raw"),
        "parsed.pedido_id", "parsed.cliente_id", "parsed.valor", "parsed.moeda", "parsed.ts_evento", "parsed.versao",
    )


# %% tags=["solution:ingest-batch"]
def ingest_batch(batch: str, batch_id: str, table: str) -> None:
    rows = bronze_rows(batch, batch_id)
    writer = rows.write.format("delta").mode("overwrite")
    if DeltaTable.isDeltaTable(spark, table):
        writer = writer.option("mergeSchema", True).option("replaceWhere", f"batch = '{batch_id}'")
    writer.save(table)
