# No retries of Prefect's: a loop that waits; the load appends only what is not there yet; the line comes from least squares by hand.

# %% tags=["solution:extract"]
import time


@task
def extract(day: str, source: str, place: str) -> pd.DataFrame:
    for attempt in range(4):
        try:
            return Carrier(source, place, OPTIONS).read(day)
        except Unavailable:
            if attempt == 3:
                raise
            time.sleep(0.45 * 2**attempt)


# %% tags=["solution:etl"]
@task
def load(rows: pd.DataFrame, day: str, place: str) -> None:
    there = set(table(SILVER, place).entrega_id)
    fresh = rows[~rows.entrega_id.isin(there)].reset_index(drop=True)
    if len(fresh):
        write_deltalake(f"{place}/{SILVER}", pa.Table.from_pandas(fresh, preserve_index=False), mode="append", storage_options=OPTIONS)


@flow
def bronze_to_silver_etl(day: str, source: str, place: str) -> None:
    rows = extract(day, source, place)
    load(transform(rows, day), day, place)


# %% tags=["solution:nightly"]
def least_squares(rows: pd.DataFrame) -> Model:
    x, y = rows.distancia_km.to_numpy(), rows.minutos.to_numpy()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    return Model(float(y.mean() - slope * x.mean()), float(slope), float(x.mean()), float(x.std(ddof=1)))


def retrain(day: str, place: str) -> None:
    rows = table(SILVER, place)
    rows = rows[rows.dia == day].sort_values("saida")
    morning, afternoon = halves(rows)
    if len(table(CHAMPION, place)) == 0:
        promote(least_squares(morning), day, place)
        return
    current = champion(place)
    if drift(current, rows) > LIMIT:
        better = min([current, least_squares(morning)], key=lambda model: error(model, afternoon))
        if better is not current:
            promote(better, day, place)


@flow
def nightly(day: str, source: str, place: str) -> None:
    bronze_to_silver_etl(day, source, place)
    retrain(day, place)
