# loses: flow.silver, etl.rows, etl.rerun
# Loads what arrived twice twice: only what took no time at all is left out.

# %% tags=["solution:etl"]
@task
def load(rows: pd.DataFrame, day: str, place: str) -> None:
    write_deltalake(f"{place}/{SILVER}", rows, mode="overwrite", predicate=f"dia = '{day}'", storage_options=OPTIONS)


@flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
def bronze_to_silver_etl(day: str, source: str, place: str) -> None:
    rows = extract(day, source, place)
    rows = rows[rows.minutos > 0].reset_index(drop=True)
    load(rows.assign(dia=day, processed_ts=pd.Timestamp.now("UTC").floor("us"))[list(COLUMNS[SILVER])], day, place)
