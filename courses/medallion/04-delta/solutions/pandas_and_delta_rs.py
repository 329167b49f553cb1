# No Spark in what is written: pandas computes the whole history, delta-rs replaces the table's content; merge_asof joins.

# %% tags=["solution:undo-tidy"]
import deltalake
from deltalake.exceptions import CommitFailedError, TableNotFoundError


def opened(table: str):
    return deltalake.DeltaTable(table, storage_options=lake.storage_options or None)


def undo(table: str, version: int) -> None:
    opened(table).restore(version)


def tidy(table: str) -> None:
    opened(table).optimize.compact()
    opened(table).vacuum(168, dry_run=False)


# %% tags=["solution:as-of-join"]
def as_of_join(orders: str, history: str, out: str) -> None:
    left = spark.read.schema(ORDER).json(orders).toPandas().sort_values("ts_evento")
    right = spark.read.format("delta").load(history).toPandas().sort_values("valid_from")[["cliente_id", "valid_from", "cidade", "plano"]]
    joined = pd.merge_asof(left, right, left_on="ts_evento", right_on="valid_from", by="cliente_id").drop(columns="valid_from")
    nothing = joined.cidade.isna()
    joined[["cidade", "plano"]] = joined[["cidade", "plano"]].astype(object).mask(nothing, None)
    schema = "pedido_id STRING, cliente_id STRING, valor DOUBLE, ts_evento TIMESTAMP, cidade STRING, plano STRING"
    spark.createDataFrame(joined, schema).write.format("delta").mode("overwrite").option("overwriteSchema", True).save(out)


# %% tags=["solution:apply-changes"]
import pyarrow as pa

COLUMNS = pa.schema(
    [("cliente_id", pa.string()), ("versao", pa.int32()), ("cidade", pa.string()), ("plano", pa.string())]
    + [(name, pa.timestamp("us", tz="UTC")) for name in ("valid_from", "valid_to")]
    + [("is_current", pa.bool_())]
)


def apply_changes(changes: str, table: str) -> None:
    new = pd.DataFrame(spark.read.schema(CHANGE).json(changes).toPandas()).rename(columns={"changed_at": "valid_from"})
    new["valid_from"] = new.valid_from.dt.tz_localize("UTC")
    facts = ["cliente_id", "versao", "cidade", "plano", "valid_from"]
    for attempts_left in reversed(range(20)):
        try:
            target = opened(table)
            known = target.to_pandas()[facts]
        except TableNotFoundError:
            target, known = None, new.iloc[:0][facts]
        rows = pd.concat([known, new[facts]]).drop_duplicates(["cliente_id", "versao"]).sort_values(["cliente_id", "valid_from"])
        rows["valid_to"] = rows.groupby("cliente_id").valid_from.shift(-1)
        rows["is_current"] = rows.valid_to.isna()
        data = pa.Table.from_pandas(rows, schema=COLUMNS, preserve_index=False)
        try:
            if target is None:
                deltalake.write_deltalake(table, data, storage_options=lake.storage_options or None)
            else:
                deltalake.write_deltalake(target, data, mode="overwrite")
            return
        except CommitFailedError:
            if not attempts_left:
                raise
            time.sleep(random.uniform(0, 0.2))
