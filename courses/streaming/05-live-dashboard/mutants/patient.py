# loses: dash.age, dash.page, dash.stale
# A minute of silence is nothing: nobody is told before.

# %% tags=["solution:freshness"]
def status(age: float | None) -> str:
    return "stale" if age is None or age > 60 else "live"


def freshness(lotes: pd.DataFrame, now: datetime) -> dict:
    newest = lotes["ultima_chegada"].max()
    age = None if pd.isna(newest) else (now - newest).total_seconds()
    return {"age_seconds": age, "status": status(age)}
