"""Loja Aurora's orders as Bronze holds them: the landed lines of `orders` and some corrections, one Parquet file a batch."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from dataflow_hub.datagen import orders
from dataflow_hub.datagen.defects import Defect
from dataflow_hub.datagen.ledger import Ledger
from dataflow_hub.datagen.model import Generated, Size

SCHEMA = pa.schema(
    [
        ("raw", pa.string()),
        ("corrupt", pa.bool_()),
        ("source", pa.string()),
        ("batch", pa.string()),
        ("ingested_at", pa.timestamp("us", tz="UTC")),
    ]
)
UNUSABLE = Defect.MALFORMED | Defect.MOEDA_MISSING | Defect.MOEDA_BAD | Defect.FUTURE | Defect.NEGATIVE_ERROR

_FIRST_IMPORT = datetime(2026, 3, 2, 9, tzinfo=UTC)  # six in the morning in São Paulo, after the first day of orders
_DAY = 86_400
_COLUMNS = ("batch", "line", "order", "version", "cents", "instant", "region", "defects")
# What is wrong with each correction that a file ends with; the last one is the first once more, byte by byte. They make certain
# what chance alone makes rare: a newest version that no rule lets through, a line with two faults, a faulty line that lands twice.
_CORRECTIONS = (
    Defect.MOEDA_BAD,
    Defect.MOEDA_BAD,
    Defect.MOEDA_BAD | Defect.NEGATIVE_ERROR,
    Defect.FUTURE | Defect.NEGATIVE_ERROR,
    Defect.MOEDA_BAD | Defect.DUPLICATE,
)


@dataclass(frozen=True)
class _Line:
    """One row of Bronze: its text, and its entry in the ledger by column."""

    raw: str
    truth: dict[str, int]


def generate(seed: int, size: Size) -> Generated:
    """Make the Bronze batches of one seed: the lines of `orders.generate`, then some corrections that are unusable themselves.

    Files are named `pedidos-0001.parquet` and so on, with the columns of `SCHEMA`; the empty batch is a file without a row. The
    ledger has one entry a row, in order. A batch is ingested the night after its day: no true event is later than that.
    """
    made = orders.generate(seed, size)
    rng = np.random.default_rng((seed, 1))
    once = _sound_and_single(made.ledger)
    batches: dict[str, bytes] = {}
    truths: list[dict[str, int]] = []
    for number, (source, content) in enumerate(made.batches.items()):
        index = np.flatnonzero(made.ledger.batch == number)
        raw = content.decode().split("\n")[:-1]
        lines = [_Line(text, _truth(made.ledger, at)) for text, at in zip(raw, index.tolist(), strict=True)]
        lines += _corrections(rng, [line for line, sound in zip(lines, once[index], strict=True) if sound], len(lines))
        batches[source.replace(".jsonl", ".parquet")] = _parquet(lines, source, _FIRST_IMPORT + timedelta(days=number))
        truths += [line.truth for line in lines]
    columns = {name: np.asarray([truth[name] for truth in truths], dtype=np.int64) for name in _COLUMNS}
    return Generated(batches, replace(made.ledger, batches=tuple(batches), **columns))


def _sound_and_single(ledger: Ledger) -> npt.NDArray[np.bool_]:
    """Find the lines that nothing is wrong with, of orders that have no other line."""
    lines_of = np.bincount(np.maximum(ledger.order, 0))
    sound = (ledger.defects & int(UNUSABLE | Defect.REFUND)) == 0
    found: npt.NDArray[np.bool_] = sound & (ledger.order > 0) & (lines_of[np.maximum(ledger.order, 0)] == 1)
    return found


def _truth(ledger: Ledger, index: int) -> dict[str, int]:
    return {name: int(getattr(ledger, name)[index]) for name in _COLUMNS}


def _corrections(rng: np.random.Generator, candidates: list[_Line], landed: int) -> list[_Line]:
    """Make a faulty second version of a few orders of one file."""
    if not candidates:
        return []
    chosen = rng.choice(len(candidates), len(_CORRECTIONS) - 1, replace=False).tolist()
    chosen.append(chosen[0])
    faults = enumerate(zip(chosen, _CORRECTIONS, strict=True))
    return [_corrected(candidates[index], defects, landed + 1 + number) for number, (index, defects) in faults]


def _corrected(line: _Line, defects: Defect, place: int) -> _Line:
    """Write the next version of a line, with the faults in `defects`."""
    row, truth = json.loads(line.raw), dict(line.truth)
    truth |= {"line": place, "version": truth["version"] + 1, "defects": truth["defects"] | int(defects | Defect.NEW_VERSION)}
    row["versao"] = truth["version"]
    if Defect.MOEDA_BAD in defects:
        row["moeda"] = "R$"
    if Defect.NEGATIVE_ERROR in defects:
        truth["cents"] *= -1
        row["valor"] = truth["cents"] / 100
        truth["defects"] &= ~int(Defect.VALOR_TEXT)
    if Defect.FUTURE in defects:
        truth["instant"] += 1_000 * _DAY
        truth["defects"] = (truth["defects"] | int(Defect.ZONE_UTC)) & ~int(Defect.LATE)
        row["ts_evento"] = f"{np.datetime64(truth['instant'], 's')}Z"
    return _Line(json.dumps(row, ensure_ascii=False), truth)


def _parquet(lines: list[_Line], source: str, ingested_at: datetime) -> bytes:
    rows = len(lines)
    corrupt = [bool(line.truth["defects"] & Defect.MALFORMED) for line in lines]
    raw = [line.raw for line in lines]
    columns = [raw, corrupt, [source] * rows, [source.removesuffix(".jsonl")] * rows, [ingested_at] * rows]
    table = pa.table([pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()
