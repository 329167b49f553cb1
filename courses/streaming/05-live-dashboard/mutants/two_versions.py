# loses: dash.torn
# The total from one table, the parts from the other, each as new as it is.

# %% tags=["solution:snapshot"]
def snapshot(gold: str, now: datetime) -> dict:
    lotes = lake.table(f"{gold}/lotes").to_pandas()
    vendas = lake.table(f"{gold}/vendas").to_pandas()
    shown = vendas
    return {
        "lote": None if lotes.empty else int(lotes["lote"].max()),
        "eventos": int(lotes["eventos"].sum()),
        "total": round(float(lotes["total"].sum()), 2),
        "por_canal": shown.groupby("canal")["total"].sum().round(2).to_dict(),
        **freshness(lotes, now),
    }
