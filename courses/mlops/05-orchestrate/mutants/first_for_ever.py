# loses: flow.champion, retrain.quiet
# Measures drift from the first model: once the district is new, every night is a drift.

# %% tags=["solution:nightly"]
@task
def retrain(day: str, place: str) -> None:
    rows = table(SILVER, place)
    rows = rows[rows.dia == day]
    morning, afternoon = halves(rows)
    current = champion(place)
    champions = table(CHAMPION, place).sort_values("version")
    first = None if champions.empty else Model(*champions[list(Model._fields)].iloc[0])
    if current is None:
        promote(fit(morning), day, place)
    elif drift(first, rows) > LIMIT:
        candidate = fit(morning)
        if error(candidate, afternoon) < error(current, afternoon):
            promote(candidate, day, place)


@flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
def nightly(day: str, source: str, place: str) -> None:
    bronze_to_silver_etl(day, source, place)
    retrain(day, place)
