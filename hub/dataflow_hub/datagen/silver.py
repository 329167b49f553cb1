"""Loja Aurora's orders as Silver gets them, night by night, corrections included, and the catalogue of products: Parquet files."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dataflow_hub.datagen import pools
from dataflow_hub.datagen.model import Generated, Size

Kind = Literal["known", "doubled", "unnamed", "orphan"]

ORDERS_A_DAY: dict[Size, int] = {"S": 60, "M": 3_000, "L": 100_000}
FILES, DAYS = 5, 9
CATALOGUE = "produtos.parquet"
CATEGORIES = pools.CATEGORIES[:5]
DOUBLED, DOUBLED_BEFORE = "Música", "Discos"  # what the newer and the older row of a product that has two call its category
ORDERS = pa.schema(
    [
        ("pedido_id", pa.string()),
        ("versao", pa.int32()),
        ("cliente_id", pa.string()),
        ("produto_id", pa.string()),
        ("regiao", pa.string()),
        ("valor", pa.decimal128(12, 2)),
        ("ts_evento", pa.timestamp("us", tz="UTC")),
    ]
)
PRODUCTS = pa.schema(
    [("produto_id", pa.string()), ("nome", pa.string()), ("categoria", pa.string()), ("atualizado_em", pa.timestamp("us", tz="UTC"))]
)
_CLOSED = 6  # the day on which nothing is sold, and whose file has no row
_FILE_OF_DAY = {0: 0, 1: 0, 2: 0, 3: 0, 4: 0, 5: 1, 7: 3, 8: 4}
_CORRECTED = frozenset({1, 2, 5})  # days that a later one of the first four files touches again
_PRODUCTS: dict[Kind, int] = {"known": 8 * len(CATEGORIES), "doubled": 6, "unnamed": 4, "orphan": 5}
_PREFIX: dict[Kind, str] = {"known": "P1", "doubled": "P2", "unnamed": "P3", "orphan": "P9"}
# One letter an order of a day, over and over: (n)ight, (k)nown, (r)efund, (d)oubled, (u)nnamed, (o)rphan.
_PATTERN = "nkdkukrdnkokkukdknko"
_KIND_OF: dict[str, Kind] = {"d": "doubled", "u": "unnamed", "o": "orphan"}
_HOUR = 3_600


@dataclass(frozen=True)
class Sale:
    """One row of Silver: a version of an order.

    `file` is its place among the files (from 0), `day` its day in São Paulo (from 0), `second` the time of that day, `product` the
    number of its product among those of its `kind`.
    """

    file: int
    order: int
    version: int
    day: int
    second: int
    kind: Kind
    product: int
    region: str
    cents: int

    @property
    def category(self) -> str | None:
        """What the newest row of the catalogue calls its product's category; None when it calls it nothing, or has no such row."""
        return {"known": CATEGORIES[self.product % len(CATEGORIES)], "doubled": DOUBLED}.get(self.kind)


@dataclass(frozen=True)
class Sales:
    """The truth about the files of one seed.

    `night_region` is the one region that buys at night only (from 21:00 to 03:00: there the day of UTC or of another zone is
    another day); all others buy by day. `corrected` are the days that a later file touches again, up to the fourth; there, and at
    night, nothing is refunded. Every day but `closed` has orders of each kind.
    """

    first: date
    names: tuple[str, ...]
    night_region: str
    rows: tuple[Sale, ...]

    def newest(self, files: int) -> list[Sale]:
        """Give the newest version of each order once the first `files` files are in."""
        found: dict[int, Sale] = {}
        for row in self.rows:
            if row.file < files and (row.order not in found or row.version > found[row.order].version):
                found[row.order] = row
        return list(found.values())

    def date_of(self, day: int) -> date:
        """Give the date of a day in São Paulo."""
        return self.first + timedelta(days=day)

    @property
    def closed(self) -> date:
        """The day without an order."""
        return self.date_of(_CLOSED)

    @property
    def corrected(self) -> frozenset[date]:
        """The days that a later file touches again, up to the fourth file."""
        return frozenset(map(self.date_of, _CORRECTED))


def generate(seed: int, size: Size) -> Generated:
    """Make the catalogue and the nightly files of one seed; the same seed always gives the same bytes.

    `pedidos-0001.parquet` holds the first five days; each later file one day, and versions of earlier orders that were corrected
    (never their time), or came late. The third has no row. `produtos.parquet` has two rows for some products, no category for some,
    and lacks some. Corrections are such that each wrong way to bring a day up to date shows: an order leaves a day's only cell of
    its category and region, another gets another amount, another comes when its day is long over.
    """
    rng = np.random.default_rng((seed, 3))
    regions = rng.permutation(list(pools.REGIONS)).tolist()
    sales = _originals(rng, regions[1:], regions[0], ORDERS_A_DAY[size])
    rows = tuple(sorted(_with_corrections(sales, regions[1:]), key=lambda row: row.file))
    first = date(2026, 3, 1) + timedelta(days=int(rng.integers(0, 200)))
    names = tuple(f"pedidos-{number + 1:04d}.parquet" for number in range(FILES))
    ledger = Sales(first, names, regions[0], rows)
    files = {name: _parquet([_order(ledger, row) for row in rows if row.file == number], ORDERS) for number, name in enumerate(names)}
    return Generated({**files, CATALOGUE: _parquet(_catalogue(rng, first), PRODUCTS)}, ledger)


def _originals(rng: np.random.Generator, regions: list[str], night_region: str, a_day: int) -> list[Sale]:
    """Make the first version of every order, day by day; in the files they then stand in any order."""
    sales: list[Sale] = []
    for day, file in _FILE_OF_DAY.items():
        count = a_day + int(rng.integers(0, a_day // 5))
        cents = np.maximum(100, (rng.lognormal(4.6, 1.0, count) * 100).astype(np.int64)).tolist()
        seconds = rng.integers(6 * _HOUR, 17 * _HOUR, count).tolist()
        products, places = rng.integers(0, 10_000, count).tolist(), rng.integers(0, len(regions), count).tolist()
        for number in range(count):
            letter = _PATTERN[number % len(_PATTERN)]
            kind = _KIND_OF.get(letter, "known")
            product = (number if kind == "doubled" else products[number]) % _PRODUCTS[kind]
            sale = Sale(file, len(sales), 1, day, seconds[number], kind, product, regions[places[number]], cents[number])
            if letter == "n":
                sale = replace(sale, second=_night_second(rng, number), region=night_region)
            if letter == "r" and day not in _CORRECTED:
                sale = replace(sale, cents=-sale.cents)
            sales.append(sale)
    return [sales[index] for index in rng.permutation(len(sales)).tolist()]


def _night_second(rng: np.random.Generator, number: int) -> int:
    """Give a time between 21:15 and 23:45, or between 00:15 and 02:45, in turn."""
    return int((21 if number % len(_PATTERN) else 0) * _HOUR + rng.integers(900, 9_900))


def _with_corrections(sales: list[Sale], regions: list[str]) -> list[Sale]:
    """Correct a few ordinary orders, and let one come late."""
    moved = {day: _ordinary(sales, day, regions)[0] for day in (1, 5)}
    rows = [_out_of_the_way(sale, moved.get(sale.day), regions) for sale in sales]
    ordinary = {day: _ordinary(rows, day, regions) for day in (1, 2, 4)}
    late = ordinary[2][0]
    rows = [replace(row, file=3) if row.order == late.order else row for row in rows]
    rows += [_moved(moved[1], 1, regions), _dearer(ordinary[1][1], 1), _dearer(ordinary[2][1], 1)]
    rows += [_moved(moved[5], 3, regions), _dearer(ordinary[1][2], 3)]
    return [*rows, _dearer(ordinary[4][1], 4)]


def _ordinary(sales: list[Sale], day: int, regions: list[str]) -> list[Sale]:
    return [sale for sale in sales if sale.day == day and sale.kind == "known" and sale.region in regions]


def _out_of_the_way(sale: Sale, alone: Sale | None, regions: list[str]) -> Sale:
    """Give an order that would share the cell of `alone` another region."""
    if alone is None or sale.order == alone.order or (sale.category, sale.region) != (alone.category, alone.region):
        return sale
    return replace(sale, region=_next(sale.region, regions))


def _moved(sale: Sale, file: int, regions: list[str]) -> Sale:
    return replace(sale, file=file, version=sale.version + 1, region=_next(sale.region, regions))


def _dearer(sale: Sale, file: int) -> Sale:
    return replace(sale, file=file, version=sale.version + 1, cents=sale.cents + 12_345)


def _next(region: str, regions: list[str]) -> str:
    return regions[(regions.index(region) + 1) % len(regions)]


def _order(ledger: Sales, sale: Sale) -> dict[str, Any]:
    midnight = datetime.combine(ledger.date_of(sale.day), datetime.min.time(), UTC) + timedelta(hours=3)  # in São Paulo
    return {
        "pedido_id": f"A{sale.order:08d}",
        "versao": sale.version,
        "cliente_id": f"C{sale.order * 7 % 997:07d}",
        "produto_id": _product_id(sale.kind, sale.product),
        "regiao": sale.region,
        "valor": Decimal(sale.cents).scaleb(-2),
        "ts_evento": midnight + timedelta(seconds=sale.second),
    }


def _product_id(kind: Kind, number: int) -> str:
    return f"{_PREFIX[kind]}{number:04d}"


def _catalogue(rng: np.random.Generator, first: date) -> list[dict[str, Any]]:
    """Write a row for each product, two for those that are catalogued twice: for one half of them the older comes first."""
    before = datetime.combine(first, datetime.min.time(), UTC)
    newer, older = before - timedelta(days=20), before - timedelta(days=300)
    rows = [_product("known", number, CATEGORIES[number % len(CATEGORIES)], newer) for number in range(_PRODUCTS["known"])]
    rows += [_product("unnamed", number, None, newer) for number in range(_PRODUCTS["unnamed"])]
    rows = [rows[index] for index in rng.permutation(len(rows)).tolist()]
    for number in range(_PRODUCTS["doubled"]):
        pair = [_product("doubled", number, DOUBLED_BEFORE, older), _product("doubled", number, DOUBLED, newer)]
        rows += pair if number % 2 else pair[::-1]
    return rows


def _product(kind: Kind, number: int, category: str | None, when: datetime) -> dict[str, Any]:
    name = f"{category or 'Produto'} {number + 1}"
    return {"produto_id": _product_id(kind, number), "nome": name, "categoria": category, "atualizado_em": when}


def _parquet(rows: list[dict[str, Any]], schema: pa.Schema) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), out)
    return out.getvalue()
