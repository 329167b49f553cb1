# loses: dash.lag
# Keeps a snapshot for a minute: cheap, and no longer live.

# %% tags=["solution:dashboard"]
kept = {}


def dashboard(gold: str, now: datetime) -> dict:
    if gold not in kept or now - kept[gold][0] >= timedelta(minutes=1):
        kept[gold] = now, snapshot(gold, now)
    read_at, view = kept[gold]
    age = view["age_seconds"]
    if age is not None:
        age += (now - read_at).total_seconds()
    return {**view, "age_seconds": age, "status": status(age)}
