"""The ledger of the nights is true for any seed, and each night is what the lesson says it is."""

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_hub.datagen.nights import NIGHTS, NOON, ROWS, generate

SEEDS = st.integers(0, 2**63 - 1)
any_seed = settings(max_examples=25, deadline=None)


def fitted(truth, rows):
    return np.polyfit(truth.km[rows], truth.minutes[rows], 1)


def error(truth, model, rows):
    return np.abs(np.polyval(model, truth.km[rows]) - truth.minutes[rows]).mean()


@any_seed
@given(SEEDS)
def test_the_files_say_what_the_ledger_says(seed):
    """Every delivery is in its night's file with its numbers, at least once; some lines come twice, and nothing else is there."""
    made = generate(seed, "S")
    truth = made.ledger
    for number, (name, content) in enumerate(made.batches.items()):
        lines = content.decode().splitlines()
        rows = {json.loads(line)["entrega_id"]: json.loads(line) for line in lines}
        mine = np.flatnonzero(truth.night == number)
        assert name == f"entregas-{truth.days[number]}.jsonl"
        assert len(lines) > len(rows) == ROWS["S"]
        for at in mine.tolist():
            row = rows[truth.ids[at]]
            assert (row["distancia_km"], row["minutos"]) == (truth.km[at], truth.minutes[at])
            assert (row["saida"][11:16] < NOON) == truth.morning[at]
            assert (row["minutos"] <= 0) == truth.void[at]
    assert len(set(truth.ids)) == len(truth.ids)


@any_seed
@given(SEEDS)
def test_each_night_is_far_from_the_limits(seed):
    """Quiet nights drift by less than half a deviation and others by more than two; who should win the afternoon wins by far."""
    truth = generate(seed, "S").ledger
    good = [(truth.night == number) & ~truth.void for number in range(len(NIGHTS))]
    morning, afternoon = [rows & truth.morning for rows in good], [rows & ~truth.morning for rows in good]
    learned_on = {0: 0, 1: 0, 2: 0, 3: 2, 4: 2, 5: 2, 6: 5}  # the night of the champion that each night meets
    for number, before in learned_on.items():
        known = truth.km[morning[before]]
        drift = abs(truth.km[good[number]].mean() - known.mean()) / known.std(ddof=1)
        assert drift > 2 if number in {2, 4, 5} else drift < 0.5
        candidate, champion = fitted(truth, morning[number]), fitted(truth, morning[before])
        mine, theirs = (error(truth, model, afternoon[number]) for model in (candidate, champion))
        if number in {1, 2, 3, 5}:
            assert mine * 1.5 < theirs
        if number == 4:
            assert mine > 1.5 * theirs
            assert error(truth, candidate, morning[number]) * 1.5 < error(truth, champion, morning[number])


def test_the_same_seed_gives_the_same_bytes():
    """A submission graded again meets the same nights."""
    assert generate(5, "S").batches == generate(5, "S").batches
    assert generate(5, "S").batches != generate(6, "S").batches
