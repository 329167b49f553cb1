# loses: dash.kept
# Reads the lake for each viewer and each second.

# %% tags=["solution:dashboard"]
kept = {}


def dashboard(gold: str, now: datetime) -> dict:
    return snapshot(gold, now)
