"""Bronze batches hold the very lines of `orders` and some faulty corrections, and the ledger is true of each."""

import hashlib
import io
import json
from collections import Counter, defaultdict

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_hub.datagen import bronze, catalogue, orders
from dataflow_hub.datagen.bronze import SCHEMA, UNUSABLE, generate
from dataflow_hub.datagen.defects import Defect
from dataflow_hub.datagen.ledger import Ledger

SEEDS = st.integers(0, 2**63 - 1)
any_seed = settings(max_examples=8, deadline=None)
ORDERS_DIGEST = "6c6b152fa79836163b5b62642219a0aedb4d32aa38868646d946383c3d3e3d92"
CORRECTIONS = 5


def tables(made):
    """Give each batch as a table."""
    return {name: pq.read_table(io.BytesIO(content)) for name, content in made.batches.items()}


def truth(made):
    """Give each row of Bronze with its entry in the ledger."""
    rows = [row for table in tables(made).values() for row in table.to_pylist()]
    assert len(rows) == len(made.ledger)
    names = ("batch", "line", "order", "version", "cents", "instant", "defects")
    return [(row, {name: int(getattr(made.ledger, name)[at]) for name in names}) for at, row in enumerate(rows)]


def test_orders_are_what_lesson_one_had_before():
    """That Bronze is made from orders changes no byte of lesson 1.1's files."""
    digest = hashlib.sha256(b"".join(orders.generate(20_260_301, "S").batches.values()))
    assert digest.hexdigest() == ORDERS_DIGEST


@any_seed
@given(SEEDS)
def test_each_batch_starts_with_the_lines_of_its_file(seed):
    """Nothing of orders is lost or changed; a few lines follow, in every file that is not empty."""
    landed = orders.generate(seed, "S")
    made = generate(seed, "S")
    assert [name.removesuffix(".parquet") for name in made.batches] == [name.removesuffix(".jsonl") for name in landed.batches]
    for table, content in zip(tables(made).values(), landed.batches.values(), strict=True):
        lines = content.decode().split("\n")[:-1]
        raw = table["raw"].to_pylist()
        assert raw[: len(lines)] == lines
        assert len(raw) - len(lines) == (CORRECTIONS if lines else 0)


@any_seed
@given(SEEDS)
def test_an_empty_batch_has_the_schema(seed):
    """One file has no row; all have the same five columns, without a null."""
    made = generate(seed, "S")
    batches = tables(made)
    assert [name for name, table in batches.items() if not table.num_rows] == list(made.ledger.empty_batches)
    assert len(made.ledger.empty_batches) == 1
    for name, table in batches.items():
        assert table.schema.equals(SCHEMA)
        assert not any(column.null_count for column in table.columns)
        assert set(table["batch"].to_pylist()) <= {name.removesuffix(".parquet")}
        assert set(table["source"].to_pylist()) <= {name.replace(".parquet", ".jsonl")}
        assert made.ledger.rows_in(name) == table.num_rows


@any_seed
@given(SEEDS)
def test_the_ledger_is_true_of_every_row(seed):
    """Place, key, version, amount, instant, currency and brokenness are as noted, corrections included."""
    made = generate(seed, "S")
    places = defaultdict(int)
    for row, entry in truth(made):
        places[row["batch"]] += 1
        defects = Defect(entry["defects"])
        assert (made.ledger.batches[entry["batch"]], entry["line"]) == (f"{row['batch']}.parquet", places[row["batch"]])
        assert row["corrupt"] == (Defect.MALFORMED in defects)
        if row["corrupt"]:
            continue
        line = json.loads(row["raw"])
        assert (line["pedido_id"], line["versao"]) == (f"A{entry['order']:08d}", entry["version"])
        amount = line["valor"]
        assert isinstance(amount, str) == (Defect.VALOR_TEXT in defects)
        number = float(amount.replace(".", "").replace(",", ".")) if isinstance(amount, str) else amount
        assert round(number * 100) == entry["cents"]
        assert (number < 0) == bool(defects & (Defect.REFUND | Defect.NEGATIVE_ERROR))
        assert (line.get("moeda") != "BRL") == bool(defects & (Defect.MOEDA_MISSING | Defect.MOEDA_BAD))
        assert line["ts_evento"].endswith("Z") == (Defect.ZONE_UTC in defects)
        zone = 0 if Defect.ZONE_UTC in defects else 3 * 3_600
        assert int(np.datetime64(line["ts_evento"].removesuffix("Z").removesuffix("-03:00"), "s").astype(int)) + zone == entry["instant"]


@any_seed
@given(SEEDS)
def test_only_future_events_are_later_than_their_import(seed):
    """By three hours at least: who mistakes a time zone gets the instant wrong, and the rule about the future right."""
    for row, entry in truth(generate(seed, "S")):
        if not row["corrupt"]:
            ahead = entry["instant"] - row["ingested_at"].timestamp()
            assert (ahead > 0) == bool(entry["defects"] & Defect.FUTURE)
            assert abs(ahead) > 3 * 3_600


@any_seed
@given(SEEDS)
def test_what_the_rules_decide_occurs_in_every_batch(seed):
    """Each file has newest versions that are unusable beside a usable one, a row with two faults, and a faulty row twice."""
    made = generate(seed, "S")
    by_batch = defaultdict(list)
    for row, entry in truth(made):
        by_batch[row["batch"]].append((row, entry))
    for rows in by_batch.values():
        usable = {entry["order"]: entry["version"] for _, entry in rows if not entry["defects"] & int(UNUSABLE)}
        refused = [entry for _, entry in rows[-CORRECTIONS:]]
        assert all(entry["defects"] & int(UNUSABLE) and entry["version"] > usable[entry["order"]] for entry in refused)
        assert sum((entry["defects"] & int(UNUSABLE)).bit_count() > 1 for entry in refused) == 2
        assert Counter(row["raw"] for row, _ in rows)[rows[-1][0]["raw"]] == 2


@any_seed
@given(SEEDS)
def test_one_version_of_an_order_has_one_text(seed):
    """Order and version decide what a line says, so it does not matter which of two copies is kept."""
    texts = defaultdict(set)
    for row, entry in truth(generate(seed, "S")):
        if entry["order"] >= 0:
            texts[entry["order"], entry["version"]].add(row["raw"])
    assert all(len(each) == 1 for each in texts.values())


def test_same_seed_same_bytes_and_ledger():
    """A seed is all that is needed; the ledger survives JSON; the catalogue knows the generator."""
    made, again = generate(5, "S"), catalogue.generate("bronze", 5, "S")
    assert made.batches == again.batches
    assert made.batches != generate(6, "S").batches
    assert Ledger.from_json(made.ledger.to_json()).to_json() == again.ledger.to_json()


def test_the_sources_of_bronze_include_those_of_orders():
    """A verdict about the lesson is void when what its data are made from changes."""
    names = {path.name for path in catalogue.sources("bronze")}
    assert {"bronze.py", "orders.py", "ledger.py", "defects.py", "pools.py"} <= names


@pytest.mark.parametrize("size", ["M"])
def test_bigger_sizes_work_alike(size):
    """Lessons with more rows get the same kinds of files."""
    made = bronze.generate(3, size)
    assert len(made.ledger) == sum(table.num_rows for table in tables(made).values())
