# loses: once.checkpoint
# A new application each time: Delta has never seen this batch of it.

# %% tags=["solution:run-stream"]
from uuid import uuid4


def run_stream(inbox: str, pedidos: str, dead_letters: str, checkpoint: str) -> None:
    app = str(uuid4())

    def write(batch: DataFrame, number: int) -> None:
        rows = parse(batch).toPandas()
        good, bad = rows[rows["why"].isna()].astype({"versao": "int64"}), rows[rows["why"].notna()].assign(lote=number).reset_index(drop=True)
        newest = good.sort_values("versao").groupby("pedido_id").tail(1)[PEDIDOS.names].reset_index(drop=True)
        merge = lake.table(pedidos).merge(newest, "t.pedido_id = s.pedido_id", source_alias="s", target_alias="t")
        merge.when_matched_update_all("s.versao > t.versao").when_not_matched_insert_all().execute()
        letters = spark.createDataFrame(bad[DEAD_LETTERS.names])
        letters.write.format("delta").mode("append").option("txnAppId", app).option("txnVersion", number).save(dead_letters)

    query = read_lines(inbox).writeStream.foreachBatch(write).option("checkpointLocation", checkpoint)
    query.trigger(availableNow=True).start().awaitTermination()
