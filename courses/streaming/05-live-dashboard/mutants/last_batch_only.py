# loses: dash.page, dash.sums, dash.torn
# The numbers of the newest batch, not of all.

# %% tags=["solution:snapshot"]
def snapshot(gold: str, now: datetime) -> dict:
    lotes = lake.table(f"{gold}/lotes").to_pandas()
    vendas = lake.table(f"{gold}/vendas").to_pandas()
    shown = vendas[vendas["lote"] == lotes["lote"].max()]
    return {
        "lote": None if lotes.empty else int(lotes["lote"].max()),
        "eventos": int(shown["eventos"].sum()),
        "total": round(float(shown["total"].sum()), 2),
        "por_canal": shown.groupby("canal")["total"].sum().round(2).to_dict(),
        **freshness(lotes, now),
    }
