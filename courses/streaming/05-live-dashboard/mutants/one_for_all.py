# loses: dash.kept
# One snapshot for every shop: the sister sees the other's sales.

# %% tags=["solution:dashboard"]
kept = {}


def dashboard(gold: str, now: datetime) -> dict:
    if "view" not in kept or abs(now - kept["view"][0]) >= timedelta(seconds=5):
        kept["view"] = now, snapshot(gold, now)
    read_at, view = kept["view"]
    age = view["age_seconds"]
    if age is not None:
        age += (now - read_at).total_seconds()
    return {**view, "age_seconds": age, "status": status(age)}
