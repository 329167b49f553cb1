# loses: dash.age, dash.page, dash.stale
# The age is right, and the word beside it never changes.

# %% tags=["solution:freshness"]
def status(age: float | None) -> str:
    return "stale" if age is None or age > 15 else "live"


def freshness(lotes: pd.DataFrame, now: datetime) -> dict:
    newest = lotes["ultima_chegada"].max()
    age = None if pd.isna(newest) else (now - newest).total_seconds()
    return {"age_seconds": age, "status": "live"}


# %% tags=["solution:dashboard"]
kept = {}


def dashboard(gold: str, now: datetime) -> dict:
    if gold not in kept or now - kept[gold][0] >= timedelta(seconds=5):
        kept[gold] = now, snapshot(gold, now)
    read_at, view = kept[gold]
    age = view["age_seconds"]
    if age is not None:
        age += (now - read_at).total_seconds()
    return {**view, "age_seconds": age, "status": "live"}
