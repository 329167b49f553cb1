# loses: flow.champion, retrain.validated
# Drift means a new model: nobody asks whether it is better.

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
        if True:
            promote(candidate, day, place)


@flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
def nightly(day: str, source: str, place: str) -> None:
    bronze_to_silver_etl(day, source, place)
    retrain(day, place)
