# loses: etl.rerun
# "Append is enough": a night that is started again is there twice.

# %% tags=["solution:etl"]
@task
def load(rows: pd.DataFrame, day: str, place: str) -> None:
    write_deltalake(f"{place}/{SILVER}", rows, mode="append", storage_options=OPTIONS)


@flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
def bronze_to_silver_etl(day: str, source: str, place: str) -> None:
    load(transform(extract(day, source, place), day), day, place)
