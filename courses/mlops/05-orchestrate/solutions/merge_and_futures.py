# MERGE on the delivery's id; tasks are submitted and their futures passed on; the load is retried too.

# %% tags=["solution:extract"]
def worth_retrying(task, task_run, state) -> bool:
    return isinstance(state.result(raise_on_failure=False), Unavailable)


@task(retries=3, retry_delay_seconds=[0.5, 1.0, 2.0], retry_condition_fn=worth_retrying, tags=["store"])
def extract(day: str, source: str, place: str) -> pd.DataFrame:
    return Carrier(source, place, OPTIONS).read(day)


# %% tags=["solution:etl"]
@task(retries=1, retry_delay_seconds=0.1)
def load(rows: pd.DataFrame, day: str, place: str) -> int:
    target = DeltaTable(f"{place}/{SILVER}", storage_options=OPTIONS)
    merge = target.merge(pa.Table.from_pandas(rows, preserve_index=False), "t.entrega_id = s.entrega_id", source_alias="s", target_alias="t")
    return merge.when_not_matched_insert_all().execute()["num_target_rows_inserted"]


@flow(name="etl", task_runner=ThreadPoolTaskRunner(max_workers=1))
def bronze_to_silver_etl(day: str, source: str, place: str) -> int:
    arrived = extract.submit(day, source, place)
    cleaned = transform.submit(arrived, day)
    return load.submit(cleaned, day, place).result()


# %% tags=["solution:nightly"]
@task
def judge(day: str, place: str) -> bool:
    rows = table(SILVER, place).query("dia == @day")
    morning, afternoon = halves(rows)
    current, candidate = champion(place), fit(morning)
    if current is not None:
        if drift(current, rows) <= LIMIT or error(candidate, afternoon) >= error(current, afternoon):
            return False
    promote(candidate, day, place)
    return True


@flow
def retrain(day: str, place: str) -> None:
    judge.submit(day, place).wait()


@flow(name="nightly", log_prints=True)
def nightly(day: str, source: str, place: str) -> None:
    print("rows:", bronze_to_silver_etl(day, source, place))
    retrain(day, place)
