# loses: prepare.tables, prepare.split, prepare.future, prepare.repeat
# A random quarter without a seed: other tables each time.

# %% tags=["solution:prepare"]
def prepare(files: list[str], first_test_day: str, out: str) -> None:
    orders = read_orders(files).sort_values("ts_registro").drop_duplicates("pedido_id")
    chosen = orders.sample(frac=0.75).index
    past = pd.Series(orders.index.isin(chosen), index=orders.index)
    train = orders[past]
    filled = orders[KNOWN].fillna(train[KNOWN].median())
    ready = (filled - filled[past].mean()) / filled[past].std()
    ready["regiao_atraso"] = orders["regiao"].map(train.groupby("regiao")["atrasou"].mean()).fillna(train["atrasou"].mean())
    ready = pd.concat([orders[["pedido_id", "ts_pedido", "atrasou"]], ready], axis=1)
    save(ready[past], f"{out}/train")
    save(ready[~past], f"{out}/test")
