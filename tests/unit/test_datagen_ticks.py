"""The ledger of the live sales is true for any seed, and every clock but one misleads at some time."""

import json
from collections import Counter
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_hub.datagen.pools import CHANNELS
from dataflow_hub.datagen.ticks import LATE, RATE, SILENT, TICK_SECONDS, generate

SEEDS = st.integers(0, 2**63 - 1)
any_seed = settings(max_examples=10, deadline=None)


def rows(content):
    return [json.loads(line) for line in content.decode().splitlines()]


def when(row, name):
    return datetime.fromisoformat(row[name])


@any_seed
@given(SEEDS)
def test_each_file_is_what_the_ledger_says(seed):
    """Sales, amounts by channel and arrivals can be read back from the files; whoever counts every line counts some twice."""
    made = generate(seed, "S")
    for tick in made.ledger.ticks:
        lines = rows(made.batches[tick.name])
        once = {row["venda_id"]: row for row in lines}
        totals = Counter()
        for row in once.values():
            totals[row["canal"]] += round(row["valor"] * 100)
        assert totals == tick.totals
        assert tuple(when(row, "ts_ingestao") for row in once.values()) == tick.arrivals
        assert sum(tick.counts.values()) == len(once) == (0 if tick.kind == SILENT else RATE["S"] * TICK_SECONDS)
        assert (len(lines) > len(once)) == bool(lines)
        assert not lines or set(totals) == set(CHANNELS)


@any_seed
@given(SEEDS)
def test_what_happened_is_no_clock(seed):
    """A sale from a wrong clock comes first, a block of late ones lasts longer than fifteen seconds, and so does the silence."""
    made = generate(seed, "S")
    ticks = made.ledger.ticks
    first = [row for tick in ticks[:2] for row in rows(made.batches[tick.name])]
    assert max(when(row, "ts_evento") - when(row, "ts_ingestao") for row in first) > timedelta(days=600)
    for tick in ticks:
        ways = [when(row, "ts_ingestao") - when(row, "ts_evento") for row in rows(made.batches[tick.name])]
        assert all(way >= timedelta(minutes=20) for way in ways) == (tick.kind == LATE) or tick.kind == SILENT
        assert all(way >= timedelta(milliseconds=1_500) or way < timedelta(0) for way in ways)
    assert TICK_SECONDS * sum(tick.kind == LATE for tick in ticks) > 16
    assert TICK_SECONDS * sum(tick.kind == SILENT for tick in ticks) > 18


@any_seed
@given(SEEDS)
def test_a_file_holds_what_arrived_in_its_two_seconds(seed):
    """From its first instant to its last."""
    for tick in generate(seed, "S").ledger.ticks:
        if tick.arrivals:
            assert tick.arrivals[0] == tick.begins
            assert tick.arrivals[-1] == tick.begins + timedelta(seconds=TICK_SECONDS, milliseconds=-1)


@given(SEEDS)
@settings(max_examples=3, deadline=None)
def test_the_same_seed_gives_the_same_bytes(seed):
    """And another seed gives others."""
    assert generate(seed, "S").batches == generate(seed, "S").batches
    assert generate(seed, "S").batches != generate(seed ^ 1, "S").batches
