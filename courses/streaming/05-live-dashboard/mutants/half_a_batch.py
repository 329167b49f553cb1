# loses: dash.torn
# Shows what is in one table before the batch is complete.

# %% tags=["solution:snapshot"]
def snapshot(gold: str, now: datetime) -> dict:
    lotes = lake.table(f"{gold}/lotes").to_pandas()
    vendas = lake.table(f"{gold}/vendas").to_pandas()
    shown = vendas
    return {
        "lote": None if lotes.empty else int(max(lotes["lote"].max(), vendas["lote"].max() if len(vendas) else 0)),
        "eventos": int(shown["eventos"].sum()),
        "total": round(float(shown["total"].sum()), 2),
        "por_canal": shown.groupby("canal")["total"].sum().round(2).to_dict(),
        **freshness(lotes, now),
    }
