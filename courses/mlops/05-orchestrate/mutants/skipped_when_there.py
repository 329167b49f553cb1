# loses: retrain.resumed
# A night that is in silver is done: its promotion, which died, is never made.

# %% tags=["solution:nightly"]
@task
def retrain(day: str, place: str) -> None:
    rows = table(SILVER, place)
    rows = rows[rows.dia == day]
    morning, afternoon = halves(rows)
    current = champion(place)
    if current is None:
        promote(fit(morning), day, place)
    elif drift(current, rows) > LIMIT:
        candidate = fit(morning)
        if error(candidate, afternoon) < error(current, afternoon):
            promote(candidate, day, place)


@flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
def nightly(day: str, source: str, place: str) -> None:
    if (table(SILVER, place).dia == day).any():
        return
    bronze_to_silver_etl(day, source, place)
    retrain(day, place)
