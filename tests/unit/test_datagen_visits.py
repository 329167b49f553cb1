"""The ledger of the channels' events is true for any seed, and no event is near a limit."""

import json
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_hub.datagen import pools
from dataflow_hub.datagen.visits import EVENTS, FILES, SHARES, TOO_EARLY_SECONDS, TOO_LATE_SECONDS, generate

SEEDS = st.integers(0, 2**63 - 1)
any_seed = settings(max_examples=12, deadline=None)
HOUR = 3600


def lines(made):
    return [json.loads(line) for content in made.batches.values() for line in content.decode().splitlines()]


def seconds(text):
    return int(datetime.fromisoformat(text).timestamp())


@any_seed
@given(SEEDS)
def test_each_line_is_what_the_ledger_says(seed):
    """Id, channel, amount and instant of every event can be read back from the files."""
    made = generate(seed, "S")
    truth = made.ledger
    found = [(each["evento_id"], each["canal"], round(each["valor"] * 100), seconds(each["ts_evento"])) for each in lines(made)]
    channels = [pools.CHANNELS[index] for index in truth.channel]
    assert found == list(zip(truth.ids, channels, truth.cents.tolist(), truth.event.tolist(), strict=True))
    assert len(set(truth.ids)) == EVENTS["S"]


@any_seed
@given(SEEDS)
def test_the_rule_of_the_task_gives_the_ledgers_reasons(seed):
    """Whoever compares the two times of a line finds what is late and what comes from a wrong clock; nothing is near a limit."""
    made = generate(seed, "S")
    for each, why in zip(lines(made), made.ledger.why, strict=True):
        behind = seconds(each["ts_ingestao"]) - seconds(each["ts_evento"])
        expected = "late" if behind > TOO_LATE_SECONDS else "future" if behind < -TOO_EARLY_SECONDS else ""
        assert why == expected
        assert behind <= 1_200 or behind >= 5 * HOUR or why == "future"
    for name, share in SHARES.items():
        assert made.ledger.why.count(name) == round(EVENTS["S"] * share)


@any_seed
@given(SEEDS)
def test_every_file_has_events_and_a_day_ends_early(seed):
    """No file is empty, and days differ by zone: a day of UTC is not a day of São Paulo."""
    made = generate(seed, "S")
    assert len(made.batches) == FILES
    assert all(made.batches.values())
    times = [when for when, why in zip(made.ledger.event.tolist(), made.ledger.why, strict=True) if not why]
    first_two_hours = [when for when in times if when < min(times) + 2.6 * HOUR]
    assert len({(when - 3 * HOUR) // 86_400 for when in first_two_hours}) == 2
    assert any(when // 86_400 != (when - 3 * HOUR) // 86_400 for when in first_two_hours)


@given(SEEDS)
@settings(max_examples=3, deadline=None)
def test_the_same_seed_gives_the_same_bytes(seed):
    """And another seed gives others."""
    assert generate(seed, "S").batches == generate(seed, "S").batches
    assert generate(seed, "S").batches != generate(seed ^ 1, "S").batches
