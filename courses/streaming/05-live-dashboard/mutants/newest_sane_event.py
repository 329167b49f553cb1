# loses: dash.age, dash.page, dash.fresh, dash.stale
# The newest event that is not in the future: old news that is just in looks like a dead line.

# %% tags=["solution:freshness"]
def status(age: float | None) -> str:
    return "stale" if age is None or age > 15 else "live"


def freshness(lotes: pd.DataFrame, now: datetime) -> dict:
    sane = lotes[lotes["ultimo_evento"] <= lotes["gravado_em"]]
    newest = sane["ultimo_evento"].max()
    age = None if pd.isna(newest) else (now - newest).total_seconds()
    return {"age_seconds": age, "status": status(age)}
