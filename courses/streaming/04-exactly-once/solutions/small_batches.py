# A batch is small: its rows as a DataFrame of pandas, both tables written by delta-rs, which remembers the batch number when it is told.

# %% tags=["solution:run-stream"]
from deltalake import CommitProperties, Transaction


def run_stream(inbox: str, pedidos: str, dead_letters: str, checkpoint: str) -> None:
    options = lake.storage_options or None

    def write(batch: DataFrame, number: int) -> None:
        rows = parse(batch).toPandas()
        good, bad = rows[rows["why"].isna()].astype({"versao": "int64"}), rows[rows["why"].notna()].assign(lote=number).reset_index(drop=True)
        newest = good.sort_values("versao").groupby("pedido_id").tail(1)[PEDIDOS.names].reset_index(drop=True)
        merge = lake.table(pedidos).merge(newest, "t.pedido_id = s.pedido_id", source_alias="s", target_alias="t")
        merge.when_matched_update_all("s.versao > t.versao").when_not_matched_insert_all().execute()
        written = lake.table(dead_letters).transaction_version(checkpoint)
        if written is None or written < number:
            told = CommitProperties(app_transactions=[Transaction(checkpoint, number)])
            write_deltalake(dead_letters, bad[DEAD_LETTERS.names], mode="append", storage_options=options, commit_properties=told)

    query = read_lines(inbox).writeStream.foreachBatch(write).option("checkpointLocation", checkpoint)
    query.trigger(availableNow=True).start().awaitTermination()
