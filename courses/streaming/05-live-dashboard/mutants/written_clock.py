# loses: dash.age, dash.page, dash.fresh, dash.stale
# When the last batch was written: empty ones come for ever.

# %% tags=["solution:freshness"]
def status(age: float | None) -> str:
    return "stale" if age is None or age > 15 else "live"


def freshness(lotes: pd.DataFrame, now: datetime) -> dict:
    newest = lotes["gravado_em"].max()
    age = None if pd.isna(newest) else (now - newest).total_seconds()
    return {"age_seconds": age, "status": status(age)}
