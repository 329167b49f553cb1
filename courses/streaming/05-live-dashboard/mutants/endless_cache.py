# loses: dash.lag
# Reads once and never again.

# %% tags=["solution:dashboard"]
kept = {}


def dashboard(gold: str, now: datetime) -> dict:
    if gold not in kept:
        kept[gold] = now, snapshot(gold, now)
    read_at, view = kept[gold]
    age = view["age_seconds"]
    if age is not None:
        age += (now - read_at).total_seconds()
    return {**view, "age_seconds": age, "status": status(age)}
