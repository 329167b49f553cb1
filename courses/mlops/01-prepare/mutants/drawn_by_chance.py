# loses: prepare.scaled, prepare.future, prepare.repeat
# Fills each gap with a value drawn from the training rows, without a seed.

# %% tags=["solution:prepare"]
def prepare(files: list[str], first_test_day: str, out: str) -> None:
    orders = read_orders(files).sort_values("ts_registro").drop_duplicates("pedido_id")
    past = orders["ts_pedido"] < pd.Timestamp(first_test_day)
    train = orders[past]
    filled = orders[KNOWN].copy()
    for name in KNOWN:
        gaps = filled[name].isna()
        filled.loc[gaps, name] = train[name].dropna().sample(int(gaps.sum()), replace=True).to_numpy()
    ready = (filled - filled[past].mean()) / filled[past].std()
    ready["regiao_atraso"] = orders["regiao"].map(train.groupby("regiao")["atrasou"].mean()).fillna(train["atrasou"].mean())
    ready = pd.concat([orders[["pedido_id", "ts_pedido", "atrasou"]], ready], axis=1)
    save(ready[past], f"{out}/train")
    save(ready[~past], f"{out}/test")
