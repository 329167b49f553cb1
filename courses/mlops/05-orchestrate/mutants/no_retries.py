# loses: flow.retries, etl.backoff
# Nothing is asked twice: one 503 loses the night.

# %% tags=["solution:extract"]
def worth_retrying(task, task_run, state) -> bool:
    return isinstance(state.result(raise_on_failure=False), Unavailable)


@task()
def extract(day: str, source: str, place: str) -> pd.DataFrame:
    return Carrier(source, place, OPTIONS).read(day)
