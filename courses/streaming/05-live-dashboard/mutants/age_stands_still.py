# loses: dash.page, dash.fresh
# Keeps the age with the snapshot: it stands still for five seconds.

# %% tags=["solution:dashboard"]
kept = {}


def dashboard(gold: str, now: datetime) -> dict:
    if gold not in kept or now - kept[gold][0] >= timedelta(seconds=5):
        kept[gold] = now, snapshot(gold, now)
    return kept[gold][1]
