"""Deliveries: every file and number is as the ledger says, and there is something to learn in them."""

import csv
import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_hub.datagen.catalogue import generate
from dataflow_hub.datagen.entregas import AFTERWARDS, COLUMNS, FILES, KNOWN, NEW_REGION, TEST_FILES

SEEDS = st.integers(0, 2**63 - 1)


def rows_of(made):
    return {name: list(csv.DictReader(io.StringIO(content.decode()))) for name, content in made.batches.items()}


def test_same_seed_gives_the_same_bytes():
    """And another seed gives others."""
    one, again, other = (generate("entregas", seed, "S").batches for seed in (7, 7, 8))
    assert one == again
    assert one != other


@settings(max_examples=6, deadline=None)
@given(SEEDS)
def test_files_hold_each_order_as_the_ledger_knows_it(seed):
    """First rows are complete and in the month of their order; the second row of a resent order differs in its distance only."""
    made = generate("entregas", seed, "S")
    ledger, files = made.ledger, rows_of(made)
    place, seen = {name: number for number, name in enumerate(ledger.ids)}, dict[str, dict[str, str]]()
    for number, rows in enumerate(files.values()):
        assert [row["ts_registro"] for row in rows] == sorted(row["ts_registro"] for row in rows)
        for row in rows:
            assert tuple(row) == COLUMNS
            order = place[row["pedido_id"]]
            if first := seen.get(row["pedido_id"]):
                assert ledger.resent[order]
                assert number >= FILES - TEST_FILES > ledger.file[order]
                assert float(row["distancia_km"]) > 1.3 * float(first["distancia_km"])
                assert {name: value for name, value in row.items() if first[name] != value}.keys() == {"distancia_km", "ts_registro"}
                continue
            seen[row["pedido_id"]] = row
            assert (number, row["regiao"], row["atrasou"]) == (ledger.file[order], ledger.region[order], str(ledger.late[order]))
            assert (row["ts_pedido"] >= ledger.first_test_day) == ledger.tested[order]
            for name in KNOWN:
                number_known = ledger.numbers[name][order]
                assert row[name] == "" if math.isnan(number_known) else float(row[name]) == pytest.approx(number_known, rel=1e-5)
    assert len(seen) == len(ledger.ids)


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_what_lessons_need_is_there_on_every_seed(seed):
    """Gaps, resent orders and a new region in their months; averages and the share of late orders that move with time."""
    ledger = generate("entregas", seed, "S").ledger
    tested = ledger.tested
    assert ledger.resent.sum() == 64
    new = np.array([region == NEW_REGION for region in ledger.region])
    assert new.sum() >= 30
    assert not new[~tested].any()
    for name in KNOWN:
        column = ledger.numbers[name]
        assert np.nanmean(column[tested]) > 1.15 * np.nanmean(column[~tested])
    for name in ("peso_kg", "distancia_km"):
        gaps = np.isnan(ledger.numbers[name])
        assert all(gaps[ledger.file == number].sum() >= 10 for number in range(FILES))
    assert ledger.late[tested].mean() > ledger.late[~tested].mean() + 0.06


@settings(max_examples=8, deadline=None)
@given(SEEDS)
def test_outcomes_give_the_label_away(seed):
    """Each column that only the delivery brings tells late orders from others far better than chance."""
    made = generate("entregas", seed, "S")
    rows = [row for rows in rows_of(made).values() for row in rows]
    for name in AFTERWARDS:
        groups = [[float(row[name]) for row in rows if row["atrasou"] == late] for late in "01"]
        assert abs(np.mean(groups[0]) - np.mean(groups[1])) > 1.5 * max(map(np.std, groups))


@settings(max_examples=3, deadline=None)
@given(SEEDS)
def test_forest_beats_always_late_by_a_margin(seed):
    """What is known when an order is placed is enough for a forest, trained on the past, to beat the best constant answer."""
    from sklearn.ensemble import RandomForestClassifier

    ledger = generate("entregas", seed, "S").ledger
    table = np.nan_to_num(np.column_stack([ledger.numbers[name] for name in KNOWN]), nan=-1)
    past = ~ledger.tested
    forest = RandomForestClassifier(30, min_samples_leaf=3, random_state=0).fit(table[past], ledger.late[past])
    right = (forest.predict(table[~past]) == ledger.late[~past]).mean()
    share = ledger.late[~past].mean()
    assert right > max(share, 1 - share) + 0.06
