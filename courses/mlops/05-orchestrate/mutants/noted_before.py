# loses: etl.rerun
# Notes that a night is done before it is: one that died in between is never made good.

# %% tags=["solution:etl"]
@task
def load(rows: pd.DataFrame, day: str, place: str) -> None:
    done = f"{place}/silver/done"
    if DeltaTable.is_deltatable(done, storage_options=OPTIONS) and (table("silver/done", place).dia == day).any():
        return
    write_deltalake(done, pd.DataFrame({"dia": [day]}), mode="append", storage_options=OPTIONS)
    write_deltalake(f"{place}/{SILVER}", rows, mode="append", storage_options=OPTIONS)


@flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
def bronze_to_silver_etl(day: str, source: str, place: str) -> None:
    load(transform(extract(day, source, place), day), day, place)
