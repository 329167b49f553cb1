# loses: prepare.tables, prepare.split, prepare.future
# A random quarter for the test, with a seed even: it can be repeated, and it still does not play the future.

# %% tags=["solution:prepare"]
def prepare(files: list[str], first_test_day: str, out: str) -> None:
    orders = read_orders(files).sort_values("ts_registro").drop_duplicates("pedido_id")
    orders = orders.sort_values("pedido_id")
    chosen = orders.sample(frac=0.75, random_state=0).index
    past = pd.Series(orders.index.isin(chosen), index=orders.index)
    train = orders[past]
    filled = orders[KNOWN].fillna(train[KNOWN].median())
    ready = (filled - filled[past].mean()) / filled[past].std()
    ready["regiao_atraso"] = orders["regiao"].map(train.groupby("regiao")["atrasou"].mean()).fillna(train["atrasou"].mean())
    ready = pd.concat([orders[["pedido_id", "ts_pedido", "atrasou"]], ready], axis=1)
    save(ready[past], f"{out}/train")
    save(ready[~past], f"{out}/test")
