# loses: dash.stale
# No sale at all counts as age 0: before the first sale all is well.

# %% tags=["solution:freshness"]
def status(age: float | None) -> str:
    return "stale" if age is None or age > 15 else "live"


def freshness(lotes: pd.DataFrame, now: datetime) -> dict:
    newest = lotes["ultima_chegada"].max()
    age = 0.0 if pd.isna(newest) else (now - newest).total_seconds()
    return {"age_seconds": age, "status": status(age)}
