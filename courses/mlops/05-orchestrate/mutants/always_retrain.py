# loses: flow.champion, retrain.quiet
# Trains every night and promotes what wins that night: the model of the rain.

# %% tags=["solution:nightly"]
@task
def retrain(day: str, place: str) -> None:
    rows = table(SILVER, place)
    rows = rows[rows.dia == day]
    morning, afternoon = halves(rows)
    current = champion(place)
    if current is None:
        promote(fit(morning), day, place)
    elif True:
        candidate = fit(morning)
        if error(candidate, afternoon) < error(current, afternoon):
            promote(candidate, day, place)


@flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
def nightly(day: str, source: str, place: str) -> None:
    bronze_to_silver_etl(day, source, place)
    retrain(day, place)
