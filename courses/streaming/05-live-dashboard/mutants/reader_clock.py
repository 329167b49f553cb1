# loses: dash.age, dash.page, dash.fresh, dash.stale
# Shows how long ago the page was refreshed: always just now.

# %% tags=["solution:freshness"]
def status(age: float | None) -> str:
    return "stale" if age is None or age > 15 else "live"


def freshness(lotes: pd.DataFrame, now: datetime) -> dict:
    asked = datetime.now(now.tzinfo)
    age = (datetime.now(now.tzinfo) - asked).total_seconds()
    return {"age_seconds": age, "status": status(age)}
