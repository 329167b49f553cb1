# loses: retrain.failed_night, retrain.resumed
# "A night must not crash": the error is swallowed, and the newest night in silver is taken for this one.

# %% tags=["solution:nightly"]
@task
def retrain(day: str, place: str) -> None:
    rows = table(SILVER, place)
    day = rows.dia.max()
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
    try:
        bronze_to_silver_etl(day, source, place)
    except Exception:
        pass
    retrain(day, place)
