"""Loja Aurora's sales as a live stream delivers them: one file every two seconds, fifty sales a second, and a silence."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from dataflow_hub.datagen.model import Generated, Size
from dataflow_hub.datagen.pools import CHANNELS

TICK_SECONDS = 2
RATE: dict[Size, int] = {"S": 50, "M": 1_000, "L": 20_000}  # sales a second
NORMAL, LATE, SILENT, RESUMED = range(4)
KINDS = (NORMAL,) * 10 + (LATE,) * 9 + (SILENT,) * 10 + (RESUMED,) * 2  # of each file in turn
_START = datetime(2026, 3, 2, 15, tzinfo=UTC)
_WRONG_CLOCKS = (0, 4)  # the files with a sale from a clock that is years ahead
_SENT_AGAIN = 0.05  # so many of a file's sales are in it twice
_DELAY_MS = (1_500, 4_000)  # a sale is on its way for so long
_LATE_MS = (20 * 60_000, 40 * 60_000)  # and so long after a region was cut off


@dataclass(frozen=True)
class Tick:
    """The truth about one file.

    `begins` is the moment from which on its sales arrived, `arrivals` when each did (in order, each sale once; none in a silence),
    `totals` the cents of each channel that sold something, `counts` its number of sales.
    """

    name: str
    kind: int
    begins: datetime
    arrivals: tuple[datetime, ...]
    totals: Counter[str]
    counts: Counter[str]


@dataclass(frozen=True)
class Ticks:
    """The truth about every file, in order. It never enters a student's sandbox."""

    seed: int
    ticks: tuple[Tick, ...]


def generate(seed: int, size: Size) -> Generated:
    """Make the files of one seed, `tick-0001.jsonl` and so on; the same seed always gives the same bytes.

    First ordinary sales, two of them from wrong clocks; then for 18 s only sales that happened 20 to 40 minutes before; then 20 s of
    silence, in which files are empty; then ordinary sales again. The first and the last instant of a file with sales have one.
    """
    rng = np.random.default_rng(seed)
    start = _START + timedelta(days=int(rng.integers(0, 200)), minutes=int(rng.integers(0, 240)))
    files, ticks = {}, []
    for number, kind in enumerate(KINDS):
        name = f"tick-{number + 1:04d}.jsonl"
        begins = start + timedelta(seconds=number * TICK_SECONDS)
        sales = [] if kind == SILENT else _sales(rng, number, kind, begins, RATE[size] * TICK_SECONDS)
        files[name] = "".join(_line(number, at, *sale) for at, sale in _sent(rng, sales)).encode()
        totals, counts = Counter[str](), Counter[str]()
        for _, _, channel, cents in sales:
            totals[channel] += cents
            counts[channel] += 1
        ticks.append(Tick(name, kind, begins, tuple(arrival for _, arrival, _, _ in sales), totals, counts))
    return Generated(files, Ticks(seed, tuple(ticks)))


_Sale = tuple[datetime, datetime, str, int]


def _sales(rng: np.random.Generator, number: int, kind: int, begins: datetime, count: int) -> list[_Sale]:
    """Make the sales of one file in order of arrival: when each happened and arrived, its channel, its cents."""
    low, high = _LATE_MS if kind == LATE else _DELAY_MS
    arrived = np.sort(rng.integers(0, TICK_SECONDS * 1_000, count))
    arrived[0], arrived[-1] = 0, TICK_SECONDS * 1_000 - 1
    way = rng.integers(low, high, count)
    if number in _WRONG_CLOCKS:
        way[int(rng.integers(count))] = -700 * 86_400_000
    channels = rng.integers(0, len(CHANNELS), count)
    channels[: len(CHANNELS)] = np.arange(len(CHANNELS))
    cents = np.maximum(100, (rng.lognormal(4.5, 1.0, count) * 100).astype(np.int64))
    return [
        (begins + timedelta(milliseconds=came - took), begins + timedelta(milliseconds=came), CHANNELS[channel], amount)
        for came, took, channel, amount in zip(arrived.tolist(), way.tolist(), channels.tolist(), cents.tolist(), strict=True)
    ]


def _sent(rng: np.random.Generator, sales: list[_Sale]) -> list[tuple[int, _Sale]]:
    """Give the sales as they are sent, with their places: some of them twice."""
    again = rng.choice(len(sales), max(1, round(len(sales) * _SENT_AGAIN)), replace=False).tolist() if sales else []
    return sorted([*enumerate(sales), *((at, sales[at]) for at in again)], key=lambda each: each[0])


def _line(number: int, at: int, happened: datetime, arrived: datetime, channel: str, cents: int) -> str:  # noqa: PLR0913, PLR0917 - one a column
    row = {
        "venda_id": f"V{number:04d}-{at:06d}", "canal": channel, "valor": cents / 100,
        "ts_evento": happened.isoformat(timespec="milliseconds"), "ts_ingestao": arrived.isoformat(timespec="milliseconds"),
    }  # fmt: skip
    return json.dumps(row) + "\n"
