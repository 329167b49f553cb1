# loses: once.stop, once.newest, once.checkpoint
# A plain append in foreachBatch, for both tables: versions pile up, and a repeated batch doubles.

# %% tags=["solution:run-stream"]
def run_stream(inbox: str, pedidos: str, dead_letters: str, checkpoint: str) -> None:
    def write(batch: DataFrame, number: int) -> None:
        rows = parse(batch).toPandas()
        good, bad = rows[rows["why"].isna()].astype({"versao": "int64"}), rows[rows["why"].notna()].assign(lote=number).reset_index(drop=True)
        write_deltalake(pedidos, good[PEDIDOS.names].reset_index(drop=True), mode="append")
        write_deltalake(dead_letters, bad[DEAD_LETTERS.names], mode="append")

    query = read_lines(inbox).writeStream.foreachBatch(write).option("checkpointLocation", checkpoint)
    query.trigger(availableNow=True).start().awaitTermination()
