# loses: once.stop, once.newest
# What arrives last is taken for the newest: an old version overwrites a newer one.

# %% tags=["solution:run-stream"]
def run_stream(inbox: str, pedidos: str, dead_letters: str, checkpoint: str) -> None:
    def write(batch: DataFrame, number: int) -> None:
        rows = parse(batch).toPandas()
        good, bad = rows[rows["why"].isna()].astype({"versao": "int64"}), rows[rows["why"].notna()].assign(lote=number).reset_index(drop=True)
        newest = good.sort_values("versao").groupby("pedido_id").tail(1)[PEDIDOS.names].reset_index(drop=True)
        merge = lake.table(pedidos).merge(newest, "t.pedido_id = s.pedido_id", source_alias="s", target_alias="t")
        merge.when_matched_update_all().when_not_matched_insert_all().execute()
        if number not in set(lake.table(dead_letters).to_pandas()["lote"]):
            write_deltalake(dead_letters, bad[DEAD_LETTERS.names], mode="append")

    query = read_lines(inbox).writeStream.foreachBatch(write).option("checkpointLocation", checkpoint)
    query.trigger(availableNow=True).start().awaitTermination()
