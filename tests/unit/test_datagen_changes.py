"""The ledger of the orders' changes is true for any seed, and every file holds what the lesson needs."""

import json
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_hub.datagen.changes import EARLY, FILES, REASONS, generate

SEEDS = st.integers(0, 2**63 - 1)
any_seed = settings(max_examples=15, deadline=None)


def read(text):
    """Say what the task says of a line: the row, and why it cannot be used."""
    try:
        row = json.loads(text)
    except ValueError:
        return None, "not_json"
    if row.get("pedido_id") is None:
        return row, "no_key"
    return row, "" if isinstance(row["valor"], float) else "bad_value"


def lines(made):
    return [line for content in made.batches.values() for line in content.decode().splitlines()]


@any_seed
@given(SEEDS)
def test_each_line_is_what_the_ledger_says(seed):
    """Order, version, status, amount and reason of every message can be read back from the files."""
    made = generate(seed, "S")
    for text, truth in zip(lines(made), made.ledger.messages, strict=True):
        row, why = read(text)
        assert why == truth.why
        if not why:
            assert (row["pedido_id"], row["versao"], row["status"], round(row["valor"] * 100)) == (
                truth.key, truth.version, truth.status, truth.cents,
            )  # fmt: skip


@any_seed
@given(SEEDS)
def test_the_newest_version_is_the_largest(seed):
    """Whatever the order of arrival; and no two versions of an order look alike."""
    made = generate(seed, "S")
    good = [each for each in made.ledger.messages if not each.why]
    newest = made.ledger.newest()
    assert all(each.version <= newest[each.key].version for each in good)
    assert len({(each.key, each.version) for each in good}) == len({(each.key, each.status, each.cents) for each in good})


@any_seed
@given(SEEDS)
def test_orders_with_several_messages_are_in_the_early_files(seed):
    """So that a check of a later file looks at orders that have one message."""
    made = generate(seed, "S")
    count = Counter(each.key for each in made.ledger.messages if not each.why)
    for each in made.ledger.messages:
        if not each.why:
            assert (count[each.key] == 1) == (each.story == "plain")
            assert each.story == "plain" or each.file < EARLY
    assert all(any(each.file == file and each.story == "plain" for each in made.ledger.messages) for file in range(FILES))


@any_seed
@given(SEEDS)
def test_neither_the_first_nor_the_last_line_is_always_the_newest(seed):
    """Of the orders with several versions in one file some have the newest first and some last."""
    made = generate(seed, "S")
    for story, file in (("twice", 0), ("twice_later", 1), ("updated_twice", 1)):
        versions = {}
        for each in made.ledger.messages:
            if each.story == story and each.file == file:
                versions.setdefault(each.key, []).append(each.version)
        assert {each[0] == max(each) for each in versions.values()} == {True, False}
        assert {each[-1] == max(each) for each in versions.values()} == {True, False}


@any_seed
@given(SEEDS)
def test_each_file_has_every_reason_and_one_text_comes_twice(seed):
    """The first file has one unreadable text twice; all others are different."""
    made = generate(seed, "S")
    found = list(zip(lines(made), made.ledger.messages, strict=True))
    for file in range(FILES):
        assert {each.why for _, each in found if each.file == file} == {"", *REASONS}
    texts = Counter(text for text, each in found if each.why)
    assert sorted(texts.values())[-2:] == [1, 2]


@given(SEEDS)
@settings(max_examples=3, deadline=None)
def test_the_same_seed_gives_the_same_bytes(seed):
    """And another seed gives others."""
    assert generate(seed, "S").batches == generate(seed, "S").batches
    assert generate(seed, "S").batches != generate(seed ^ 1, "S").batches
