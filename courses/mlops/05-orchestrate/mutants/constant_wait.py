# loses: flow.retries, etl.backoff
# The same wait each time: whoever came together comes together again.

# %% tags=["solution:extract"]
def worth_retrying(task, task_run, state) -> bool:
    return isinstance(state.result(raise_on_failure=False), Unavailable)


@task(retries=3, retry_delay_seconds=0.4, retry_condition_fn=worth_retrying)
def extract(day: str, source: str, place: str) -> pd.DataFrame:
    return Carrier(source, place, OPTIONS).read(day)
