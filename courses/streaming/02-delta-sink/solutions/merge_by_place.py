# foreachBatch with a MERGE on partition and offset; rows are made in SQL.

# %% tags=["solution:event-rows"]
EVENT = "evento_id STRING, pedido_id STRING, tipo STRING, valor DOUBLE"


def event_rows(messages: DataFrame) -> DataFrame:
    return messages.selectExpr("partition", "offset", "decode(value, 'UTF-8') AS raw").selectExpr(
        "partition", "offset", "raw",
        "get_json_object(raw, '$.evento_id') AS evento_id", "get_json_object(raw, '$.pedido_id') AS pedido_id",
        "get_json_object(raw, '$.tipo') AS tipo", "CAST(get_json_object(raw, '$.valor') AS DOUBLE) AS valor",
        "CASE WHEN try_parse_json(raw) IS NULL THEN concat('no JSON, ', length(raw), ' characters') END AS reason",
    )


# %% tags=["solution:run"]
from delta.tables import DeltaTable


def run(topic: str, table: str, checkpoints: str) -> None:
    def write(batch: DataFrame, number: int) -> None:
        if not DeltaTable.isDeltaTable(spark, table):
            batch.limit(0).write.format("delta").mode("append").save(table)
        same = "t.partition = s.partition AND t.offset = s.offset"
        DeltaTable.forPath(spark, table).alias("t").merge(batch.alias("s"), same).whenNotMatchedInsertAll().execute()

    source = spark.readStream.format("kafka").options(**topics.options(topic)).option("failOnDataLoss", "true").load()
    query = event_rows(source).writeStream.foreachBatch(write).option("checkpointLocation", f"{checkpoints}/{topic}")
    query.trigger(availableNow=True).start().awaitTermination()
