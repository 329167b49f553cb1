"""Loja Aurora's deliveries, night by night, for a pipeline that retrains: rain, new districts, and a morning with a wrong clock."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dataflow_hub.datagen.model import Generated, Size

ROWS: dict[Size, int] = {"S": 160, "M": 1_500, "L": 20_000}  # deliveries of one night
NOON = "14:30"  # what leaves before it is the morning's
_FIRST_DAY = np.datetime64("2026-03-02")
_BASE_MINUTES, _RAIN, _FAST_CLOCK = 8.0, 1.3, 3.0
_MORNING_SHARE, _VOID_SHARE, _COPY_SHARE = 0.7, 0.05, 0.05
_HOUR = 3_600


@dataclass(frozen=True)
class Night:
    """What was true of one night: distances around `km`, `minutes_per_km` on the road, and what disturbed it."""

    km: float
    minutes_per_km: float
    rain: bool = False
    fast_clock: bool = False  # the morning's minutes were written three times too long


# Rain changes no distance: it is no drift, though a model of that night would win that night. A new district changes distances
# and roads. On the fifth night the roads are as before, and whoever learns from that morning is worse.
NIGHTS = (
    Night(5.0, 3.0),
    Night(5.0, 3.0, rain=True),
    Night(9.0, 4.5),
    Night(9.0, 4.5, rain=True),
    Night(14.0, 4.5, fast_clock=True),
    Night(3.0, 7.0),
    Night(3.0, 7.0),
)


@dataclass(frozen=True, eq=False)
class Nights:
    """The truth about each true delivery (copies are not counted), in no order.

    Columns, one entry a delivery: `night` (index into `days`), `ids`, `km`, `minutes`, `morning`, `void` (its minutes are zero or
    negative: no delivery at all).
    """

    seed: int
    days: tuple[str, ...]
    ids: tuple[str, ...]
    night: npt.NDArray[np.int64]
    km: npt.NDArray[np.float64]
    minutes: npt.NDArray[np.float64]
    morning: npt.NDArray[np.bool_]
    void: npt.NDArray[np.bool_]


def generate(seed: int, size: Size) -> Generated:
    """Make one file a night, `entregas-2026-03-02.jsonl` and so on; the same seed always gives the same bytes.

    Each night has some lines twice, byte by byte, and some whose minutes are not positive. Within one night distances spread by
    1.2 km; from night to night their mean moves by less than 0.4 km, or by 4 and more where the district is new.
    """
    rng = np.random.default_rng(seed)
    scale = rng.uniform(0.9, 1.1)
    days = tuple(str(_FIRST_DAY + number) for number in range(len(NIGHTS)))
    batches, columns = {}, []
    for number, (day, night) in enumerate(zip(days, NIGHTS, strict=True)):
        made = _night(rng, night, ROWS[size], scale)
        ids = [f"E{number + 1}{each:06d}" for each in rng.permutation(ROWS[size])]
        batches[f"entregas-{day}.jsonl"] = _file(rng, day, ids, *made)
        columns.append((np.full(ROWS[size], number), ids, *made))
    night_of, ids_of, km, minutes, seconds, void = zip(*columns, strict=True)
    names = tuple(name for each in ids_of for name in each)
    morning = np.concatenate(seconds) < _noon_seconds()
    truth = (np.concatenate(night_of), np.concatenate(km), np.concatenate(minutes), morning, np.concatenate(void))
    return Generated(batches, Nights(seed, days, names, *truth))


def _night(
    rng: np.random.Generator, night: Night, count: int, scale: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Make the distances, minutes, departures (seconds of the day) and void marks of one night."""
    mornings = round(count * _MORNING_SHARE)
    early = rng.integers(8 * _HOUR, 14 * _HOUR, mornings)
    late = rng.integers(15 * _HOUR, 21 * _HOUR, count - mornings)
    seconds = np.concatenate([early, late])
    km = rng.normal(night.km, 1.2, count).clip(max(0.3, night.km - 3), night.km + 3).round(2)
    minutes = _BASE_MINUTES + night.minutes_per_km * scale * km + rng.normal(0, 1, count)
    minutes *= _RAIN if night.rain else 1
    minutes[:mornings] *= _FAST_CLOCK if night.fast_clock else 1
    void = np.zeros(count, dtype=bool)
    void[rng.choice(count, max(3, round(count * _VOID_SHARE)), replace=False)] = True
    minutes[void] = -rng.integers(0, 30, int(void.sum()))
    return km, np.round(minutes, 1), seconds, void


def _file(  # noqa: PLR0913, PLR0917 - one argument a column
    rng: np.random.Generator,
    day: str,
    ids: list[str],
    km: npt.NDArray[np.float64],
    minutes: npt.NDArray[np.float64],
    seconds: npt.NDArray[np.int64],
    void: npt.NDArray[np.bool_],
) -> bytes:
    del void
    clock = np.datetime_as_string(np.datetime64(day) + seconds.astype("timedelta64[s]"))
    rows = zip(ids, clock.tolist(), km.tolist(), minutes.tolist(), strict=True)
    lines = [json.dumps({"entrega_id": name, "saida": when, "distancia_km": far, "minutos": long}) for name, when, far, long in rows]
    lines += [lines[index] for index in rng.choice(len(lines), max(3, round(len(lines) * _COPY_SHARE)), replace=False)]
    return "".join(lines[index] + "\n" for index in rng.permutation(len(lines))).encode()


def _noon_seconds() -> int:
    hours, minutes = NOON.split(":")
    return int(hours) * _HOUR + int(minutes) * 60
