# scikit-learn's transformers, fitted on the past; the split by position after sorting, regions by a merge.

# %% tags=["solution:known"]
KNOWN = ["fila_pedidos", "valor", "peso_kg", "distancia_km"]

# %% tags=["solution:prepare"]
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def prepare(files: list[str], first_test_day: str, out: str) -> None:
    rows = read_orders(files)
    rows = rows.loc[rows.groupby("pedido_id")["ts_registro"].idxmin()].sort_values(["ts_pedido", "pedido_id"]).reset_index(drop=True)
    border = int(rows["ts_pedido"].searchsorted(pd.Timestamp(first_test_day)))
    past, future = rows.iloc[:border], rows.iloc[border:]
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler()).fit(past[KNOWN])
    rates = past.groupby("regiao", as_index=False).agg(regiao_atraso=("atrasou", "mean"))
    for name, part in (("test", future), ("train", past)):
        merged = part[["pedido_id", "regiao", "ts_pedido", "atrasou"]].merge(rates, on="regiao", how="left").drop(columns="regiao")
        merged["regiao_atraso"] = merged["regiao_atraso"].fillna(past["atrasou"].mean())
        merged[KNOWN] = numbers.transform(part[KNOWN])
        save(merged, f"{out}/{name}")
