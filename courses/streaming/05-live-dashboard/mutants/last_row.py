# loses: dash.age, dash.fresh, dash.stale
# The arrival in the last batch, and a batch without a sale has none: what was known is forgotten.

# %% tags=["solution:freshness"]
def status(age: float | None) -> str:
    return "stale" if age is None or age > 15 else "live"


def freshness(lotes: pd.DataFrame, now: datetime) -> dict:
    newest = lotes.sort_values("lote")["ultima_chegada"].iloc[-1] if len(lotes) else None
    age = None if pd.isna(newest) else (now - newest).total_seconds()
    return {"age_seconds": age, "status": status(age)}
