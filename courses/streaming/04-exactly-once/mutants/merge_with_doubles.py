# loses: once.stop, once.newest, once.before, once.between, once.checkpoint
# Merges the batch as it is: an order that is in it twice is inserted twice, and later stops the stream for good.

# %% tags=["solution:run-stream"]
from delta.tables import DeltaTable


def run_stream(inbox: str, pedidos: str, dead_letters: str, checkpoint: str) -> None:
    def write(batch: DataFrame, number: int) -> None:
        good = parse(batch).where("why IS NULL").select("pedido_id", "versao", "status", "valor")
        merge = DeltaTable.forPath(spark, pedidos).alias("t").merge(good.alias("s"), "t.pedido_id = s.pedido_id")
        merge.whenMatchedUpdateAll("s.versao > t.versao").whenNotMatchedInsertAll().execute()
        bad = parse(batch).where("why IS NOT NULL").toPandas().assign(lote=number)
        if number not in set(lake.table(dead_letters).to_pandas()["lote"]):
            write_deltalake(dead_letters, bad[DEAD_LETTERS.names], mode="append")

    query = read_lines(inbox).writeStream.foreachBatch(write).option("checkpointLocation", checkpoint)
    query.trigger(availableNow=True).start().awaitTermination()
