# loses: prepare.repeat
# Appends: the second run doubles both tables.

# %% tags=["solution:prepare"]
def prepare(files: list[str], first_test_day: str, out: str) -> None:
    orders = read_orders(files).sort_values("ts_registro").drop_duplicates("pedido_id")
    past = orders["ts_pedido"] < pd.Timestamp(first_test_day)
    train = orders[past]
    filled = orders[KNOWN].fillna(train[KNOWN].median())
    ready = (filled - filled[past].mean()) / filled[past].std()
    ready["regiao_atraso"] = orders["regiao"].map(train.groupby("regiao")["atrasou"].mean()).fillna(train["atrasou"].mean())
    ready = pd.concat([orders[["pedido_id", "ts_pedido", "atrasou"]], ready], axis=1)
    for rows, name in ((ready[past], "train"), (ready[~past], "test")):
        table = pa.Table.from_pandas(rows, preserve_index=False)
        write_deltalake(f"{out}/{name}", table, mode="append", storage_options=lake.storage_options or None)
