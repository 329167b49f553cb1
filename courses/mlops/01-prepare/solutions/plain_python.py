# No data frame at all: dictionaries, the statistics module, and columns written one by one.

# %% tags=["solution:prepare"]
import csv
import statistics
from datetime import datetime


def prepare(files: list[str], first_test_day: str, out: str) -> None:
    first: dict[str, dict] = {}
    for file in files:
        for row in csv.DictReader(io.StringIO(lake.read(file).decode())):
            if row["pedido_id"] not in first or row["ts_registro"] < first[row["pedido_id"]]["ts_registro"]:
                first[row["pedido_id"]] = row
    past = [row for row in first.values() if row["ts_pedido"] < first_test_day]
    sides = {"train": past, "test": [row for row in first.values() if row["ts_pedido"] >= first_test_day]}
    columns: dict[str, dict[str, list]] = {name: {} for name in sides}
    for number in KNOWN:
        median = statistics.median(float(row[number]) for row in past if row[number])
        filled = {name: [float(row[number] or median) for row in rows] for name, rows in sides.items()}
        mean, deviation = statistics.fmean(filled["train"]), statistics.stdev(filled["train"])
        for name, values in filled.items():
            columns[name][number] = [(value - mean) / deviation for value in values]
    overall = statistics.fmean(int(row["atrasou"]) for row in past)
    regions: dict[str, list[int]] = {}
    for row in past:
        regions.setdefault(row["regiao"], []).append(int(row["atrasou"]))
    for name, rows in sides.items():
        columns[name]["regiao_atraso"] = [statistics.fmean(regions.get(row["regiao"], [overall])) for row in rows]
        columns[name]["pedido_id"] = [row["pedido_id"] for row in rows]
        columns[name]["ts_pedido"] = [datetime.fromisoformat(row["ts_pedido"]) for row in rows]
        columns[name]["atrasou"] = [int(row["atrasou"]) for row in rows]
        write_deltalake(f"{out}/{name}", pa.table(columns[name]), mode="overwrite", storage_options=lake.storage_options or None)
