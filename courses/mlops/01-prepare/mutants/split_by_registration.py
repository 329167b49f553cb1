# loses: prepare.tables, prepare.once
# Splits by when a row was registered, then takes each side's duplicates out: orders registered twice are on both.

# %% tags=["solution:prepare"]
def prepare(files: list[str], first_test_day: str, out: str) -> None:
    orders = read_orders(files).sort_values("ts_registro").reset_index(drop=True)
    orders["past"] = orders["ts_registro"] < pd.Timestamp(first_test_day)
    orders = orders.drop_duplicates(["pedido_id", "past"])
    past = orders["past"]
    train = orders[past]
    filled = orders[KNOWN].fillna(train[KNOWN].median())
    ready = (filled - filled[past].mean()) / filled[past].std()
    ready["regiao_atraso"] = orders["regiao"].map(train.groupby("regiao")["atrasou"].mean()).fillna(train["atrasou"].mean())
    ready = pd.concat([orders[["pedido_id", "ts_pedido", "atrasou"]], ready], axis=1)
    save(ready[past], f"{out}/train")
    save(ready[~past], f"{out}/test")
