"""The writer behind a live dashboard: takes in one file of sales after the other, and commits two gold tables for each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from dataflow_kernels.lake import Lake

PARTS = ("bronze", "vendas", "lotes")  # in the order in which they are committed
_PLACES = {"bronze": "bronze", "vendas": "gold/vendas", "lotes": "gold/lotes"}


def prepare(lake: Lake, root: str) -> None:
    """Make the tables below `root`, empty: `bronze`, `gold/vendas` and `gold/lotes`."""
    for part in PARTS:
        _write(lake, root, part, [])


def publish(lake: Lake, landing: str, root: str, name: str, at: datetime, parts: Sequence[str] = PARTS) -> None:  # noqa: PLR0913, PLR0917
    """Take in the file `name` at the moment `at`: append to the tables below `root`, to those in `parts`.

    `bronze` gets every line, those sent twice too; `gold/vendas` number and total of each channel's sales in this batch (no row when
    there were none); `gold/lotes` one row, when `vendas` is done: the batch's numbers, and its three clocks: when its newest sale
    happened, when it arrived (both null when there was none), when the batch was written. The batch's number is the file's.
    """
    import pandas as pd

    lines = [json.loads(line) for line in lake.read(f"{landing}/{name}").decode().splitlines()]
    number = int(name.removeprefix("tick-").removesuffix(".jsonl"))
    sales = pd.DataFrame(lines, columns=["venda_id", "canal", "valor", "ts_evento", "ts_ingestao"])
    once = sales.drop_duplicates("venda_id")
    made: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "bronze": lambda: [{**row, "valor": float(row["valor"])} for row in lines],
        "vendas": lambda: _by_channel(once, number),
        "lotes": lambda: [_batch(once, number, at)],
    }
    for part in PARTS:
        if part in parts:
            _write(lake, root, part, made[part]())


@contextmanager
def busy(act: Callable[[], None]) -> Iterator[None]:
    """Let `act` happen once while the code within reads: right after it has opened its first Delta table, or else at the end."""
    from deltalake import DeltaTable

    original, waiting = DeltaTable.__init__, [act]

    def opened(self: DeltaTable, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if waiting:
            waiting.pop()()

    DeltaTable.__init__ = opened
    try:
        yield
    finally:
        DeltaTable.__init__ = original
        for each in waiting:
            each()


def _by_channel(sales: pd.DataFrame, number: int) -> list[dict[str, Any]]:
    return [
        {"lote": number, "canal": channel, "eventos": len(rows), "total": round(float(rows["valor"].sum()), 2)}
        for channel, rows in sales.groupby("canal")
    ]


def _batch(sales: pd.DataFrame, number: int, at: datetime) -> dict[str, Any]:
    newest = {name: max(map(datetime.fromisoformat, sales[column]), default=None) for name, column in _CLOCKS.items()}
    return {"lote": number, "eventos": len(sales), "total": round(float(sales["valor"].sum()), 2), **newest, "gravado_em": at}


_CLOCKS = {"ultimo_evento": "ts_evento", "ultima_chegada": "ts_ingestao"}


def _write(lake: Lake, root: str, part: str, rows: list[dict[str, Any]]) -> None:
    import pyarrow as pa
    from deltalake import write_deltalake

    table = pa.Table.from_pylist(rows, _schema(part))
    write_deltalake(f"{root}/{_PLACES[part]}", table, mode="append", storage_options=lake.storage_options or None)


def _schema(part: str) -> pa.Schema:
    import pyarrow as pa

    text, moment = pa.string(), pa.timestamp("us", tz="UTC")
    columns: dict[str, list[tuple[str, pa.DataType]]] = {
        "bronze": [("venda_id", text), ("canal", text), ("valor", pa.float64()), ("ts_evento", text), ("ts_ingestao", text)],
        "vendas": [("lote", pa.int64()), ("canal", text), ("eventos", pa.int64()), ("total", pa.float64())],
        "lotes": [
            ("lote", pa.int64()), ("eventos", pa.int64()), ("total", pa.float64()),
            ("ultimo_evento", moment), ("ultima_chegada", moment), ("gravado_em", moment),
        ],
    }  # fmt: skip
    return pa.schema(columns[part])
