"""The event stream and its ledger: what the ledger says is what the messages say, for any seed."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_hub.datagen import catalogue, events
from dataflow_hub.datagen.events import KINDS, EventDefect, EventLedger

SEEDS = st.integers(0, 2**63 - 1)
COUNTS = st.integers(50, 1500)


def parsed(value):
    try:
        return json.loads(value)
    except ValueError:
        return None


@given(seed=SEEDS, count=COUNTS)
@settings(max_examples=40, deadline=None)
def test_the_ledger_is_true(seed, count):
    """Message by message: number, order, kind, amount and time are what is written; malformed is what does not parse."""
    made = events.make((seed,), count)
    ledger = made.ledger
    assert len(made.messages) == len(ledger) == count
    malformed = ledger.having(EventDefect.MALFORMED)
    for index, message in enumerate(made.messages):
        row = parsed(message.value)
        assert (row is None) == bool(malformed[index]) == (ledger.event[index] == -1)
        assert message.key == f"A{ledger.order[index]:08d}".encode()
        if row is not None:
            assert row["evento_id"] == f"E{ledger.event[index]:010d}"
            assert row["pedido_id"].encode() == message.key
            assert row["tipo"] == KINDS[ledger.kind[index]]
            assert round(row["valor"] * 100) == ledger.cents[index]
            assert np.datetime64(row["ts_evento"].removesuffix("Z"), "ms").astype(np.int64) == ledger.instant_ms[index]


@given(seed=SEEDS, count=COUNTS)
@settings(max_examples=40, deadline=None)
def test_duplicates_are_the_same_bytes_again_and_nothing_else_is(seed, count):
    """A reader that keeps each evento_id once has exactly the distinct events, whichever copy it keeps."""
    made = events.make((seed,), count)
    copies = made.ledger.having(EventDefect.DUPLICATE)
    seen = {}
    for message, copy, event in zip(made.messages, copies, made.ledger.event, strict=True):
        if event >= 0:
            assert bool(copy) == (event in seen)
            assert seen.setdefault(event, message.value) == message.value
    assert len(seen) == int(made.ledger.distinct.sum())
    total = sum(round(parsed(value)["valor"] * 100) for value in seen.values())
    assert total == int(made.ledger.cents[made.ledger.distinct].sum())


@given(seed=SEEDS, count=COUNTS)
@settings(max_examples=40, deadline=None)
def test_times_go_up_but_where_the_ledger_says(seed, count):
    """Without late events an order's true events are in time order, but for those that are flagged, and each of those is not."""
    ledger = events.make((seed,), count).ledger
    calm = ledger.distinct & ~ledger.having(EventDefect.LATE)
    newest, last = {}, -1
    for order, kind, instant, bits in zip(
        ledger.order[calm], ledger.kind[calm], ledger.instant_ms[calm], ledger.defects[calm], strict=True
    ):
        flagged = bool(bits & EventDefect.OUT_OF_ORDER)
        if flagged:
            assert instant < last or kind < newest.get(order, kind + 1)
        else:
            assert kind >= newest.get(order, -1)
        newest[order], last = max(kind, newest.get(order, -1)), max(last, instant)


@given(seed=SEEDS, count=COUNTS)
@settings(max_examples=20, deadline=None)
def test_every_defect_occurs_and_late_is_late(seed, count):
    """No seed has a lesson's point missing."""
    ledger = events.make((seed,), count).ledger
    for defect in EventDefect:
        assert ledger.having(defect).sum() >= 1
    late, others = ledger.having(EventDefect.LATE), ~ledger.having(EventDefect.LATE)
    order = np.arange(len(ledger))
    expected = np.interp(order[late], order[others], np.maximum.accumulate(ledger.instant_ms[others]))
    assert (expected - ledger.instant_ms[late] > 60_000).all()


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others():
    """Files are the seed's, and the ledger survives being written."""
    one, again, other = (catalogue.generate("events", seed, "S") for seed in (7, 7, 8))
    assert one.batches == again.batches != other.batches
    assert sum(content.count(b"\n") for content in one.batches.values()) == len(one.ledger) == 2000
    assert EventLedger.from_json(one.ledger.to_json()).to_json() == one.ledger.to_json()


@pytest.mark.parametrize("start", [0, 1_700_000_000_000])
def test_a_stream_goes_on_over_its_chunks_without_repeating_an_event(start):
    """Three chunks: every event's number and order belongs to one chunk, and only the times depend on the start."""
    values = [message.value for message in itertools.islice(events.stream(3, start, 100.0), 3 * events.CHUNK)]
    rows = [row for row in map(parsed, values) if row]
    chunks = [{row["evento_id"] for row in map(parsed, values[k * 1000 : k * 1000 + 1000]) if row} for k in range(3)]
    assert not chunks[0] & chunks[1]
    assert not chunks[1] & chunks[2]
    assert len({row["evento_id"] for row in rows}) == sum(map(len, chunks))
    elsewhere = [message.value for message in itertools.islice(events.stream(3, start + 5, 100.0), 3 * events.CHUNK)]
    assert [row["evento_id"] for row in rows] == [row["evento_id"] for row in map(parsed, elsewhere) if row]
