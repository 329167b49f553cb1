# Reads again until the marker table has not moved meanwhile; takes only batches that it names.

# %% tags=["solution:snapshot"]
def snapshot(gold: str, now: datetime) -> dict:
    while True:
        vendas = lake.table(f"{gold}/vendas")
        lotes = lake.table(f"{gold}/lotes")
        if lake.table(f"{gold}/vendas").version() == vendas.version():
            break
    marks = lotes.to_pandas()
    newest = marks["lote"].max()
    shown = vendas.to_pandas().merge(marks[["lote"]], on="lote")
    parts = shown.pivot_table(index="canal", values="total", aggfunc="sum")["total"].to_dict() if len(shown) else {}
    view = {"lote": None if pd.isna(newest) else int(newest), "eventos": int(marks["eventos"].sum()), "total": float(marks["total"].sum())}
    return {**view, "por_canal": parts, **freshness(marks, now)}
