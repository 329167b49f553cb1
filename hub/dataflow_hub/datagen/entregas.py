"""Loja Aurora's deliveries, month by month: what was known when an order was placed, what came out afterwards, and whether it was late."""

from __future__ import annotations

import io
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from dataflow_hub.datagen import pools
from dataflow_hub.datagen.model import Generated, Size

ORDERS: dict[Size, int] = {"S": 1_600, "M": 16_000, "L": 400_000}
FILES = 8
TEST_FILES = 2  # the last two months: what a model made today will meet
KNOWN = ("distancia_km", "peso_kg", "valor", "fila_pedidos")  # numbers that are there when an order is placed
AFTERWARDS = ("saida_atraso_min", "tempo_entrega_h", "nota_cliente")  # numbers that only the delivery brings
REGIONS = tuple(pools.REGIONS)
NEW_REGION = "Amapá"  # served in the last two months only
COLUMNS = ("pedido_id", "ts_pedido", "ts_registro", "regiao", "canal", *KNOWN, *AFTERWARDS, "atrasou")

_MISSING = {"peso_kg": 0.08, "distancia_km": 0.05}
_RESENT_SHARE = 0.04
_NEW_SHARE = 0.08
_DAYS = 28  # orders are placed on the first 28 days of a month, so that none is registered in the next
_DAY = 86_400
_KM = np.array([90.0, 430.0, 590.0, 1_950.0, 410.0, 3_100.0, 2_900.0, 930.0, 3_300.0])  # from the warehouse to each region, and the new one

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Deliveries:
    """The truth about each order. It never enters a student's sandbox.

    Columns, one entry an order: `ids`, `file` (the month in which it was placed, index into `names`), `moment` (when, seconds
    since 1970 on the clock of São Paulo), `region` (its name), `numbers` (each of `KNOWN` as first registered; NaN where it is missing),
    `late` (0 or 1), `chance` (the probability of being late, given what is known), `resent` (whether it was registered a second
    time, later, with another distance).
    """

    seed: int
    names: tuple[str, ...]
    ids: tuple[str, ...]
    file: Ints
    moment: Ints
    region: tuple[str, ...]
    numbers: dict[str, Floats]
    late: Ints
    chance: Floats
    resent: npt.NDArray[np.bool_]

    @property
    def first_test_day(self) -> str:
        """The day from which on orders are the future: the first of the seventh month, such as `2025-11-01`."""
        return self.names[FILES - TEST_FILES].removeprefix("entregas-").removesuffix(".csv") + "-01"

    @property
    def tested(self) -> npt.NDArray[np.bool_]:
        """Which orders were placed on or after that day."""
        found: npt.NDArray[np.bool_] = self.file >= FILES - TEST_FILES
        return found


def generate(seed: int, size: Size) -> Generated:
    """Make eight months of deliveries: `entregas-2025-05.csv` and so on, one file for what was registered in a month.

    Orders get heavier, further and more numerous with time, and more of them are late. A few of the fourth to sixth month are
    registered again, with a corrected distance, in one of the last two. Every month has orders without weight or distance.
    """
    rng = np.random.default_rng(seed)
    count = ORDERS[size]
    month = np.datetime64("2025-01", "M") + int(rng.integers(0, 12))
    names = tuple(f"entregas-{month + number}.csv" for number in range(FILES))
    file = np.arange(count) * FILES // count
    begin = (month + file).astype("datetime64[s]").astype(np.int64)
    moment = np.sort(begin + rng.integers(8 * 3_600, _DAYS * _DAY - 3_600, count))
    region = _regions(rng, file)
    numbers = _numbers(rng, region, file, (moment - moment[0]) / (moment[-1] - moment[0]))
    channel = rng.integers(0, len(pools.CHANNELS), count)
    chance = _chance(numbers, region, channel)
    late = (rng.random(count) < chance).astype(np.int64)
    numbers = _with_gaps(rng, numbers, file)
    ids = tuple(f"A{number:08d}" for number in (rng.permutation(count) + 10_000_000).tolist())
    resent = _resent(rng, file, numbers["distancia_km"])
    places = (*REGIONS, NEW_REGION)
    ledger = Deliveries(seed, names, ids, file, moment, tuple(places[each] for each in region), numbers, late, chance, resent)
    return Generated(_files(rng, ledger, channel), ledger)


def _regions(rng: np.random.Generator, file: Ints) -> Ints:
    region = (_even(rng, file) * len(REGIONS)).astype(np.int64)
    last = np.flatnonzero(file >= FILES - TEST_FILES)
    region[rng.choice(last, round(len(last) * _NEW_SHARE), replace=False)] = len(REGIONS)
    return region


def _numbers(rng: np.random.Generator, region: Ints, file: Ints, time: Floats) -> dict[str, Floats]:
    """Give what is known of each order; `time` runs from 0 to 1."""
    return {
        "distancia_km": np.round(_KM[region] * _lognormal(rng, file, 0, 0.35) * (1 + 0.8 * time), 1),
        "peso_kg": np.round(_lognormal(rng, file, 0.9, 0.8) * (1 + 1.2 * time), 2),
        "valor": np.round(_lognormal(rng, file, 4.7, 0.7) * (1 + 1.5 * time), 2),
        "fila_pedidos": np.round(_lognormal(rng, file, 3.4, 0.5) * (1 + 1.6 * time)),
    }


def _even(rng: np.random.Generator, file: Ints) -> Floats:
    """Give each order a number from 0 to 1, evenly spread in each month: averages then move with time, never by chance."""
    spread = np.empty(len(file))
    for number in range(FILES):
        rows = np.flatnonzero(file == number)
        spread[rows] = rng.permutation((np.arange(len(rows)) + rng.random(len(rows))) / len(rows))
    return spread


def _lognormal(rng: np.random.Generator, file: Ints, mean: float, sigma: float) -> Floats:
    normal = NormalDist(mean, sigma)
    return np.exp([normal.inv_cdf(each) for each in np.clip(_even(rng, file), 1e-6, 1 - 1e-6).tolist()])


def _chance(numbers: dict[str, Floats], region: Ints, channel: Ints) -> Floats:
    """Give the probability of being late: thresholds that work together, which trees find and straight lines do not."""
    far, heavy, crowded = numbers["distancia_km"] > 900, numbers["peso_kg"] > 5, numbers["fila_pedidos"] > 45  # noqa: PLR2004 - the law of this world
    by_phone = channel == pools.CHANNELS.index("telefone")
    score = (
        -2.6 + 3.6 * (far & crowded) + 2.6 * (heavy & ~far) + 1.8 * (crowded & by_phone) + 0.5 * (region % 3 == 1) - 1.2 * (~far & ~crowded)
    )
    chance: Floats = 1 / (1 + np.exp(-score))
    return chance


def _with_gaps(rng: np.random.Generator, numbers: dict[str, Floats], file: Ints) -> dict[str, Floats]:
    """Leave out some weights and distances, the same share in each month."""
    holed = {name: column.copy() for name, column in numbers.items()}
    for name, share in _MISSING.items():
        for number in range(FILES):
            rows = np.flatnonzero(file == number)
            holed[name][rng.choice(rows, max(2, round(len(rows) * share)), replace=False)] = np.nan
    return holed


def _resent(rng: np.random.Generator, file: Ints, distance: Floats) -> npt.NDArray[np.bool_]:
    """Choose orders of the fourth to sixth month, with a distance, that are registered again."""
    candidates = np.flatnonzero((file >= 3) & (file < FILES - TEST_FILES) & ~np.isnan(distance))  # noqa: PLR2004 - the fourth month
    chosen = np.zeros(len(file), dtype=np.bool_)
    chosen[rng.choice(candidates, round(len(file) * _RESENT_SHARE), replace=False)] = True
    return chosen


def _files(rng: np.random.Generator, ledger: Deliveries, channel: Ints) -> dict[str, bytes]:
    count, again = len(ledger.ids), np.flatnonzero(ledger.resent)
    late = ledger.late == 1
    after = {
        "saida_atraso_min": np.round(np.where(late, rng.normal(190, 60, count), rng.normal(15, 25, count))) + 0.0,  # no -0
        "tempo_entrega_h": np.round(np.where(late, rng.normal(150, 30, count), rng.normal(80, 25, count)), 1),
        "nota_cliente": np.where(late, rng.integers(1, 4, count), rng.integers(4, 6, count)),
    }
    columns = {**ledger.numbers, **after}
    row = np.concatenate([np.arange(count), again])  # each order once, then those that are registered again
    distance = columns["distancia_km"][row]
    distance[count:] = np.round(distance[count:] * rng.uniform(1.4, 1.9, len(again)), 1)
    file = np.concatenate([ledger.file, rng.integers(FILES - TEST_FILES, FILES, len(again))])
    months = np.array([name[9:16] for name in ledger.names], dtype="datetime64[M]").astype("datetime64[s]").astype(np.int64)
    registered = np.concatenate(
        [ledger.moment + rng.integers(60, 1_800, count), months[file[count:]] + rng.integers(0, _DAYS * _DAY, len(again))]
    )
    placed, noted = (np.datetime_as_string(each.astype("datetime64[s]")) for each in (ledger.moment[row], registered))
    values = {**{name: column[row] for name, column in columns.items()}, "distancia_km": distance}
    texts = [[_text(each) for each in values[name].tolist()] for name in (*KNOWN, *AFTERWARDS)]
    plain: list[list[str]] = [[ledger.ids[each] for each in row], placed.tolist(), noted.tolist(), [ledger.region[each] for each in row]]
    channels = [pools.CHANNELS[each] for each in channel[row].tolist()]
    lines = [",".join(cells) + "\n" for cells in zip(*plain, channels, *texts, map(str, ledger.late[row].tolist()), strict=True)]
    return {name: _csv(lines, np.flatnonzero(file == number), registered) for number, name in enumerate(ledger.names)}


def _text(value: float) -> str:
    return "" if np.isnan(value) else f"{value:g}" if value == round(value) else str(value)


def _csv(lines: list[str], rows: Ints, registered: Ints) -> bytes:
    out = io.StringIO()
    out.write(",".join(COLUMNS) + "\n")
    out.writelines(lines[each] for each in rows[np.argsort(registered[rows], kind="stable")].tolist())
    return out.getvalue().encode()
