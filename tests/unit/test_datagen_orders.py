"""The generator's ledger is true for any seed."""

import json
import re
import unicodedata
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_hub.datagen import pools
from dataflow_hub.datagen.defects import RATES, Defect
from dataflow_hub.datagen.ledger import Ledger
from dataflow_hub.datagen.orders import BATCHES, LINES, generate
from dataflow_hub.datagen.seeds import hidden_seeds, student_seed

SEEDS = st.integers(0, 2**63 - 1)
any_seed = settings(max_examples=12, deadline=None)


def landed(made):
    """Give every line in landing order, parsed where it is JSON."""
    texts = [line for content in made.batches.values() for line in content.decode().splitlines()]
    return texts, [parsed(text) for text in texts]


def parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


def flagged(made, defect):
    return made.ledger.having(defect).tolist()


@any_seed
@given(SEEDS)
def test_each_line_is_in_the_ledger_once_at_its_place(seed):
    """Batch and line number lead to the line; the size is exact; one file is empty."""
    made = generate(seed, "S")
    assert len(made.ledger) == LINES["S"]
    assert len(made.batches) == BATCHES["S"]
    for name, content in made.batches.items():
        assert made.ledger.rows_in(name) == content.count(b"\n")
    assert len(made.ledger.empty_batches) == 1
    assert next(iter(made.batches)) not in made.ledger.empty_batches
    numbers = [(index, line) for index, name in enumerate(made.batches) for line in range(1, made.batches[name].count(b"\n") + 1)]
    assert list(zip(made.ledger.batch.tolist(), made.ledger.line.tolist(), strict=True)) == numbers


@any_seed
@given(SEEDS)
def test_exactly_the_malformed_lines_are_not_json(seed):
    """No line marked as malformed parses, every other one does, and none is blank."""
    made = generate(seed, "S")
    texts, rows = landed(made)
    assert [row is None for row in rows] == flagged(made, Defect.MALFORMED)
    assert all(text.strip() for text in texts)


@any_seed
@given(SEEDS)
def test_duplicates_are_exactly_the_repeated_bytes(seed):
    """The number of copies in the ledger is the number of lines beyond the first of their kind."""
    made = generate(seed, "S")
    texts, _ = landed(made)
    assert made.ledger.count(Defect.DUPLICATE) == sum(count - 1 for count in Counter(texts).values())
    assert all(content.endswith(b"\n") or not content for content in made.batches.values())


@any_seed
@given(SEEDS)
def test_versions_and_their_order_are_as_noted(seed):
    """Keys and versions match the ledger, and the older that lands after the newer is flagged."""
    made = generate(seed, "S")
    _, rows = landed(made)
    newest = {}
    for index, row in enumerate(rows):
        if row is None:
            assert made.ledger.order[index] == -1
            continue
        assert (row["pedido_id"], row["versao"]) == (f"A{made.ledger.order[index]:08d}", made.ledger.version[index])
        late = row["versao"] < newest.get(row["pedido_id"], 0)
        assert late == bool(made.ledger.defects[index] & Defect.OUT_OF_ORDER)
        newest[row["pedido_id"]] = max(row["versao"], newest.get(row["pedido_id"], 0))


@any_seed
@given(SEEDS)
def test_values_say_what_the_ledger_says(seed):
    """Amounts, times, regions and the flags of single fields are true, line by line."""
    made = generate(seed, "S")
    names = list(pools.REGIONS)
    for index, row in enumerate(landed(made)[1]):
        if row is not None:
            assert_fields(row, Defect(int(made.ledger.defects[index])))
            assert amount(row["valor"]) == made.ledger.cents[index]
            assert instant(row["ts_evento"]) == made.ledger.instant[index]
            name = names[made.ledger.region[index]]
            assert region(row) in {name, *pools.REGIONS[name]}


def assert_fields(row, defects):
    keys = "".join(row)
    assert ("canal" in row) == (Defect.CANAL in defects)
    assert isinstance(row["valor"], str) == (Defect.VALOR_TEXT in defects)
    assert (row["categoria"] is None) == (Defect.CATEGORIA_NULL in defects)
    assert (row.get("moeda") is None) == (Defect.MOEDA_MISSING in defects)
    assert (row.get("moeda") in pools.BAD_CURRENCIES) == (Defect.MOEDA_BAD in defects)
    assert (keys != unicodedata.normalize("NFC", keys)) == (Defect.REGION_DECOMPOSED in defects)
    assert (region(row) not in pools.REGIONS) == (Defect.REGION_SPELLING in defects)
    assert row["ts_evento"].endswith("Z") == (Defect.ZONE_UTC in defects)
    assert ("CPF" in (row["observacao"] or "")) == (Defect.PII_IN_TEXT in defects)
    assert ("Estorno" in (row["observacao"] or "")) == (Defect.REFUND in defects)
    assert (amount(row["valor"]) < 0) == bool(defects & (Defect.REFUND | Defect.NEGATIVE_ERROR))
    assert (int(row["cliente_id"][1:]) >= 9_000_000) == (Defect.ORPHAN_CUSTOMER in defects)
    assert (int(row["produto_id"][1:]) >= 90_000) == (Defect.ORPHAN_PRODUCT in defects)


def amount(value):
    number = float(value.replace(".", "").replace(",", ".")) if isinstance(value, str) else value
    return round(number * 100)


def instant(text):
    zone = 0 if text.endswith("Z") else 3 * 3600
    return int(np.datetime64(re.sub(r"(Z|-03:00)$", "", text), "s").astype(int)) + zone


def region(row):
    return next(unicodedata.normalize("NFC", value) for key, value in row.items() if unicodedata.normalize("NFC", key) == "região")


@any_seed
@given(SEEDS)
def test_every_defect_occurs(seed):
    """Whatever the seed, no defect is left out, and the changed schema starts in the middle."""
    made = generate(seed, "S")
    assert [defect.name for defect in RATES if not made.ledger.count(defect)] == []
    first = next(iter(made.batches))
    assert first not in made.ledger.drifted_batches
    assert made.ledger.drifted_batches


def test_same_seed_same_bytes():
    """A seed is all that is needed to make the data again; another one gives other data."""
    assert generate(5, "S").batches == generate(5, "S").batches
    assert generate(5, "S").batches != generate(6, "S").batches


def test_ledger_survives_json():
    """What is written as JSON is read back the same."""
    ledger = generate(5, "S").ledger
    again = Ledger.from_json(ledger.to_json())
    assert again.to_json() == ledger.to_json()
    assert again.batches == ledger.batches


@pytest.mark.parametrize("number", [0, 1, 123_456_789, 999_999_999])
def test_no_cpf_is_valid(number):
    """The last check digit is wrong, so no real person can be met."""
    digits = [int(digit) for digit in re.sub(r"\D", "", pools.invalid_cpf(number))]
    right = sum(digit * weight for digit, weight in zip(digits[:10], range(11, 1, -1), strict=True)) * 10 % 11 % 10
    assert digits[10] != right


def test_seeds_differ_by_student_lesson_and_purpose():
    """No two students, lessons or purposes share a seed; the same question has the same answer."""
    seeds = {student_seed("secret", user, lesson) for user in ("ana", "bia") for lesson in ("01-bronze", "02-silver")}
    seeds |= set(hidden_seeds("secret", "ana", "01-bronze", 3))
    assert len(seeds) == 7
    assert student_seed("secret", "ana", "01-bronze") == student_seed("secret", "ana", "01-bronze")
    assert student_seed("other", "ana", "01-bronze") not in seeds
    assert all(0 <= seed < 2**63 for seed in seeds)
