"""The files of Silver and the catalogue say what the ledger says, and hold what each check of Gold looks at."""

import io
from collections import Counter, defaultdict
from datetime import timedelta, timezone

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_hub.datagen import catalogue, silver
from dataflow_hub.datagen.silver import CATALOGUE, DOUBLED, FILES, ORDERS, PRODUCTS, generate

SEEDS = st.integers(0, 2**63 - 1)
any_seed = settings(max_examples=10, deadline=None)
SAO_PAULO = timezone(timedelta(hours=-3))
REFRESHED = 4  # files that a hidden scenario brings into Gold


def table(made, name):
    return pq.read_table(io.BytesIO(made.batches[name]))


def products(made):
    """Give the rows of each product, the newest first."""
    found = defaultdict(list)
    for row in table(made, CATALOGUE).to_pylist():
        found[row["produto_id"]].append(row)
    return {name: sorted(rows, key=lambda row: row["atualizado_em"], reverse=True) for name, rows in found.items()}


def cells(rows):
    return Counter((row.day, row.category, row.region) for row in rows)


@any_seed
@given(SEEDS)
def test_each_row_is_what_the_ledger_says(seed):
    """Order, version, region, amount and day in São Paulo of every row, file by file; the schemas are those of the module."""
    made = generate(seed, "S")
    for number, name in enumerate(made.ledger.names):
        assert table(made, name).schema.equals(ORDERS)
        expected = [
            (f"A{row.order:08d}", row.version, row.region, row.cents, made.ledger.date_of(row.day))
            for row in made.ledger.rows
            if row.file == number
        ]
        found = [
            (row["pedido_id"], row["versao"], row["regiao"], int(row["valor"] * 100), row["ts_evento"].astimezone(SAO_PAULO).date())
            for row in table(made, name).to_pylist()
        ]
        assert found == expected
    assert table(made, CATALOGUE).schema.equals(PRODUCTS)


@any_seed
@given(SEEDS)
def test_the_catalogue_gives_the_ledgers_categories(seed):
    """The newest row of a product names its category; some have none, some products have no row, some have two, in either order."""
    made = generate(seed, "S")
    known, truth = products(made), {(row.order, row.version): row for row in made.ledger.rows}
    for name in made.ledger.names:
        for row in table(made, name).to_pylist():
            sale = truth[int(row["pedido_id"][1:]), row["versao"]]
            rows = known.get(row["produto_id"], [])
            assert len(rows) == {"orphan": 0, "doubled": 2}.get(sale.kind, 1)
            assert (rows[0]["categoria"] if rows else None) == sale.category
    landed = [row["atualizado_em"] for row in table(made, CATALOGUE).to_pylist() if row["categoria"] in {DOUBLED, silver.DOUBLED_BEFORE}]
    assert len({earlier < later for earlier, later in zip(landed[::2], landed[1::2], strict=True)}) == 2


@any_seed
@given(SEEDS)
def test_what_the_checks_look_at_is_there_every_day(seed):
    """Each day that no correction touches has orders of every kind, refunds, and a night of which UTC makes another day."""
    ledger = generate(seed, "S").ledger
    newest = ledger.newest(REFRESHED)
    for day in {row.day for row in newest}:
        rows = [row for row in newest if row.day == day]
        assert {row.kind for row in rows} == {"known", "doubled", "unnamed", "orphan"}
        assert {row.product for row in rows if row.kind == "doubled"} == set(range(6))
        night = [row.second for row in rows if row.region == ledger.night_region]
        assert any(second > 21 * 3_600 for second in night)
        assert any(second < 3 * 3_600 for second in night)
        assert all(6 * 3_600 <= row.second < 17 * 3_600 for row in rows if row.region != ledger.night_region)
        assert any(row.cents < 0 for row in rows) == (ledger.date_of(day) not in ledger.corrected)
    assert ledger.closed not in {ledger.date_of(row.day) for row in ledger.rows}
    assert {ledger.date_of(row.day) for row in newest} > ledger.corrected


@any_seed
@given(SEEDS)
def test_corrections_touch_earlier_days_and_never_a_time(seed):
    """A later file corrects amounts, empties a cell, and brings an order late; the third has no row; a day is touched once otherwise."""
    ledger = generate(seed, "S").ledger
    versions = defaultdict(list)
    touched = defaultdict(set)
    for row in ledger.rows:
        versions[row.order].append(row)
        touched[ledger.date_of(row.day)].add(row.file)
    assert all(len({(row.day, row.second, row.kind, row.product) for row in rows}) == 1 for rows in versions.values())
    assert {row.file for row in ledger.rows} == {0, 1, 3, 4}
    assert {day for day, files in touched.items() if len({file for file in files if file < REFRESHED}) > 1} == ledger.corrected
    for files in (2, REFRESHED):
        gone = cells(ledger.newest(files - 1 if files == 2 else 2)).keys() - cells(ledger.newest(files)).keys()
        assert any(category for _, category, _ in gone)
    assert any(len(rows) > 1 and rows[0].cents != rows[1].cents for rows in versions.values())
    assert any(rows[0].file == 3 and ledger.date_of(rows[0].day) in ledger.corrected for rows in versions.values())


def test_the_same_seed_gives_the_same_bytes():
    """A seed is all that is needed; the catalogue knows the generator; another seed gives others."""
    made = catalogue.generate("silver", 5, "S")
    assert made.batches == generate(5, "S").batches
    assert made.batches != generate(6, "S").batches
    assert len(made.batches) == FILES + 1


@pytest.mark.parametrize("size", ["M"])
def test_bigger_sizes_work_alike(size):
    """Lessons with more rows get the same kinds of files."""
    made = generate(3, size)
    assert len(made.ledger.rows) == sum(table(made, name).num_rows for name in made.ledger.names)
