"""What happens in Loja Aurora's channels as it arrives: files of JSON events, some of them late, a few from clocks that are years ahead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dataflow_hub.datagen import pools
from dataflow_hub.datagen.model import Generated, Size

EVENTS: dict[Size, int] = {"S": 2_000, "M": 50_000, "L": 1_000_000}
FILES = 16
FILE_SECONDS = 1_800  # one file holds what arrived in half an hour
TOO_LATE_SECONDS = 7_200  # longer on its way than this: too late
TOO_EARLY_SECONDS = 600  # further ahead of its arrival than this: a wrong clock
SHARES = {"late": 0.03, "future": 0.002}
_IN_UTC = 0.3
_MOST_DELAY_SECONDS = 1_200  # of an event that is neither too late nor from a wrong clock
_HOUR, _DAY = 3_600, 86_400
_SPRING = int(np.datetime64("2026-03-01T00:00:00", "s").astype(np.int64))
_WHY = ("", "late", "future")
_FIRST_FILES = 3  # a wrong clock shows itself early: whoever trusts it loses what comes after

Column = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Visits:
    """The truth about each event, in order of arrival.

    Columns, one entry an event: `file` (index into `names`), `event` (when it happened, seconds since 1970, UTC; what its line
    says, also where its clock was wrong), `channel` (index into `pools.CHANNELS`), `cents`, `why` ("" or why it belongs in no
    window: "late", "future").
    """

    seed: int
    names: tuple[str, ...]
    ids: tuple[str, ...]
    file: Column
    event: Column
    channel: Column
    cents: Column
    why: tuple[str, ...]


def generate(seed: int, size: Size) -> Generated:
    """Make the files of one seed; the same seed always gives the same bytes.

    `visitas-0001.jsonl` and so on: each holds what arrived in one half hour, across midnight in São Paulo. An event that is
    neither late nor from a wrong clock took at most 20 minutes; a late one took 5 to 12 hours; a wrong clock is a year or more
    ahead. So no event is near one of the limits, whatever the order in which files are read.
    """
    rng = np.random.default_rng(seed)
    count = EVENTS[size]
    # Between 22:00 and 23:30 in São Paulo, which is already the next day in UTC: its midnight comes within two hours.
    start = _SPRING + int(rng.integers(0, 90)) * _DAY + _HOUR + int(rng.integers(0, 4)) * 1_800
    arrival = np.sort(start + rng.integers(0, FILES * FILE_SECONDS, count))
    file = (arrival - start) // FILE_SECONDS
    why = _reasons(rng, file)
    event = arrival - rng.integers(0, _MOST_DELAY_SECONDS + 1, count)
    late, future = why == 1, why == 2  # noqa: PLR2004 - indexes into _WHY
    event[late] = arrival[late] - rng.integers(5 * _HOUR, 12 * _HOUR, int(late.sum()))
    event[future] = arrival[future] + rng.integers(400, 800, int(future.sum())) * _DAY
    names = tuple(f"visitas-{number + 1:04d}.jsonl" for number in range(FILES))
    ids = tuple(f"V{number:07d}" for number in rng.permutation(count))
    cents = np.maximum(100, (rng.lognormal(4.5, 1.0, count) * 100).astype(np.int64))
    ledger = Visits(seed, names, ids, file, event, rng.integers(0, len(pools.CHANNELS), count), cents, tuple(_WHY[index] for index in why))
    return Generated(_files(ledger, arrival, rng.random(count) < _IN_UTC), ledger)


def _reasons(rng: np.random.Generator, file: Column) -> Column:
    """Choose which events are late, and which come from a wrong clock."""
    why = np.zeros(len(file), dtype=np.int64)
    early = np.flatnonzero(file < _FIRST_FILES)
    why[rng.choice(early, max(2, round(len(file) * SHARES["future"])), replace=False)] = 2
    free = np.flatnonzero(why == 0)
    why[rng.choice(free, max(4, round(len(file) * SHARES["late"])), replace=False)] = 1
    return why


def _files(visits: Visits, arrival: Column, in_utc: npt.NDArray[np.bool_]) -> dict[str, bytes]:
    utc = np.datetime_as_string(visits.event.astype("datetime64[s]"))
    local = np.datetime_as_string((visits.event - 3 * _HOUR).astype("datetime64[s]"))
    arrived = np.datetime_as_string(arrival.astype("datetime64[s]"))
    texts = [
        f'{{"evento_id": "{name}", "canal": "{pools.CHANNELS[channel]}", "valor": {cents / 100:.2f}, '
        f'"ts_evento": "{there + "Z" if zulu else here + "-03:00"}", "ts_ingestao": "{came}Z"}}\n'
        for name, channel, cents, there, here, came, zulu in zip(
            visits.ids, visits.channel.tolist(), visits.cents.tolist(), utc, local, arrived, in_utc.tolist(), strict=True
        )
    ]
    bounds = np.searchsorted(visits.file, np.arange(FILES + 1)).tolist()
    return {name: "".join(texts[bounds[number] : bounds[number + 1]]).encode() for number, name in enumerate(visits.names)}
