# loses: dash.page, dash.sums, dash.torn
# The numbers come from bronze, where a sale that was sent twice is there twice.

# %% tags=["solution:snapshot"]
def snapshot(gold: str, now: datetime) -> dict:
    lotes = lake.table(f"{gold}/lotes").to_pandas()
    shown = lake.table(gold.removesuffix("gold") + "bronze").to_pandas().rename(columns={"valor": "total"})
    return {
        "lote": None if lotes.empty else int(lotes["lote"].max()),
        "eventos": len(shown),
        "total": round(float(shown["total"].sum()), 2),
        "por_canal": shown.groupby("canal")["total"].sum().round(2).to_dict(),
        **freshness(lotes, now),
    }
