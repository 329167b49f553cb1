# No Spark in the refinement: json and Decimal line by line, delta-rs for the tables, times without a zone (in UTC), columns in another order.

# %% tags=["solution:refine-batch"]
import datetime as dt
import json
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
from dataflow_kernels.lake import local_path
from deltalake import DeltaTable as Table
from deltalake import write_deltalake

SILVER_ROW = pa.schema(
    [("ts_evento", pa.timestamp("us")), ("valor", pa.decimal128(12, 2)), ("versao", pa.int64())]
    + [(name, pa.string()) for name in ("pedido_id", "cliente_id", "produto_id", "categoria", "regiao", "moeda", "canal", "batch", "observacao")]
)
HELD_ROW = pa.schema([(name, pa.string()) for name in ("raw", "reason", "batch")])


def plain(text: str) -> str:
    letters = unicodedata.normalize("NFD", text.strip().lower())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def typed(line: dict, batch: str) -> dict:
    line = {unicodedata.normalize("NFC", key): value for key, value in line.items()}
    amount = str(line["valor"])
    amount = amount.replace(".", "").replace(",", ".") if "," in amount else amount
    when = dt.datetime.fromisoformat(line["ts_evento"]).astimezone(dt.timezone.utc).replace(tzinfo=None)
    fields = {name: line.get(name) for name in ("pedido_id", "cliente_id", "produto_id", "categoria", "moeda", "canal", "observacao", "versao")}
    return {**fields, "batch": batch, "ts_evento": when, "valor": Decimal(amount).quantize(Decimal("0.01")), "regiao": REGIONS[plain(line[KEY])]}


def why_not(row: dict, ingested_at: dt.datetime) -> str | None:
    if row["moeda"] != "BRL":
        return "bad_currency"
    if row["ts_evento"] > ingested_at.replace(tzinfo=None):
        return "future_event"
    if row["valor"] < 0 and "Estorno" not in (row["observacao"] or ""):
        return "negative_amount"
    return None


def stored(path: str, schema: pa.Schema) -> Table:
    write_deltalake(path, schema.empty_table(), mode="ignore", storage_options=lake.storage_options)
    return Table(path, storage_options=lake.storage_options)


def read(path: str) -> list[dict]:
    if path.startswith("file:"):
        return pq.read_table(local_path(path)).to_pylist()
    return [row.asDict() for row in spark.read.parquet(path).collect()]


def refine_batch(bronze: str, silver: str, quarantine: str) -> None:
    good, bad = {}, {}
    for each in read(bronze):
        row = None if each["corrupt"] else typed(json.loads(each["raw"]), each["batch"])
        reason = "not_json" if row is None else why_not(row, each["ingested_at"])
        if reason:
            bad[each["batch"], each["raw"]] = reason
        elif row["pedido_id"] not in good or good[row["pedido_id"]]["versao"] < row["versao"]:
            good[row["pedido_id"]] = row
    held = pa.Table.from_pylist([{"batch": batch, "raw": raw, "reason": reason} for (batch, raw), reason in bad.items()], HELD_ROW)
    merge = stored(quarantine, HELD_ROW).merge(held, "old.raw = new.raw AND old.batch = new.batch", "new", "old")
    merge.when_not_matched_insert_all().execute()
    merge = stored(silver, SILVER_ROW).merge(pa.Table.from_pylist(list(good.values()), SILVER_ROW), "old.pedido_id = new.pedido_id", "new", "old")
    merge.when_matched_update_all("new.versao > old.versao").when_not_matched_insert_all().execute()
