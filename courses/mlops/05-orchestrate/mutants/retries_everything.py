# loses: flow.retries, etl.permanent
# Every error is worth another attempt: a file that is gone is asked for four times.

# %% tags=["solution:extract"]
def worth_retrying(task, task_run, state) -> bool:
    return isinstance(state.result(raise_on_failure=False), Unavailable)


@task(retries=3, retry_delay_seconds=exponential_backoff(backoff_factor=0.4))
def extract(day: str, source: str, place: str) -> pd.DataFrame:
    return Carrier(source, place, OPTIONS).read(day)
