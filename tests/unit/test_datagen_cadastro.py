"""The customer register's ledger is true for any seed, and each seed has whatever a check needs to look at."""

import itertools
import json
from collections import Counter
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_hub.datagen.cadastro import BATCHES, BRANCHES, DATES, HISTORY, ORDERS, generate

SEEDS = st.integers(0, 2**63 - 1)
any_seed = settings(max_examples=12, deadline=None)


def rows(made, name):
    return [json.loads(line) for line in made.batches[name].decode().splitlines()]


def seconds(text):
    return int(datetime.fromisoformat(text).timestamp())


def change_of(row):
    return row["cliente_id"], row["versao"], row["cidade"], row["plano"], seconds(row["changed_at"])


def as_tuple(change):
    return change.cliente_id, change.versao, change.cidade, change.plano, change.instant


@any_seed
@given(SEEDS)
def test_each_true_change_lands_in_its_file_and_nothing_else_does(seed):
    """What the files say, without repeated lines, is what the ledger says."""
    made = generate(seed, "S")
    landed = {name: {change_of(row) for row in rows(made, name)} for name in (*BATCHES, *BRANCHES)}
    for change in made.ledger.changes:
        if change.kind != "old":
            assert as_tuple(change) in landed[change.batch]
    true = {as_tuple(each) for each in made.ledger.changes if each.kind != "old"}
    assert set().union(*landed.values()) == true


@any_seed
@given(SEEDS)
def test_versions_follow_time_and_no_two_changes_of_a_customer_are_within_the_hour(seed):
    """`versao` and `changed_at` never contradict each other, so that ordering by either is right."""
    for changes in generate(seed, "S").ledger.of_kind("steady", "late", "echo", "branch", "old").values():
        assert [each.versao for each in changes] == list(range(1, len(changes) + 1))
        assert all(after.instant - before.instant >= 3_600 for before, after in itertools.pairwise(changes))


@any_seed
@given(SEEDS)
def test_every_seed_has_each_awkward_case(seed):
    """Two changes of a known customer in one file, repetitions, lines that land twice, and all three ways of being late."""
    made = generate(seed, "S")
    ledger, order = made.ledger, {name: number for number, name in enumerate(BATCHES)}
    steady = ledger.of_kind("steady").values()
    assert all(order[a.batch] <= order[b.batch] for each in steady for a, b in itertools.pairwise(each))
    known_then_two = [each for each in steady if Counter(change.batch for change in each)[BATCHES[1]] > 1 and each[0].batch == BATCHES[0]]
    assert len(known_then_two) >= 8
    values = [[(each.cidade, each.plano) for each in changes] for changes in steady]
    assert sum(any(a == b for a, b in itertools.pairwise(each)) for each in values) >= 3
    assert all(len(lines) > len({change_of(row) for row in lines}) for lines in (rows(made, name) for name in BATCHES))
    late = list(ledger.of_kind("late").values())
    assert all(each[0].batch == BATCHES[2] for each in late[1::3])
    assert all(each[1].batch == BATCHES[2] and each[0].cidade != each[1].cidade != each[2].cidade for each in late[0::3] + late[2::3])
    assert all(each[0].cidade == each[2].cidade and each[0].plano == each[2].plano for each in late[2::3])
    echoes = {as_tuple(each) for each in ledger.changes if each.kind == "echo" and each.versao == 1}
    assert echoes <= {change_of(row) for row in rows(made, BATCHES[0])} & {change_of(row) for row in rows(made, BATCHES[1])}


@any_seed
@given(SEEDS)
def test_branches_share_no_customer(seed):
    """Files of branches may be applied at the same moment without telling of the same customer."""
    made = generate(seed, "S")
    names = [name for branch in BRANCHES for name in {row["cliente_id"] for row in rows(made, branch)}]
    assert len(names) == len(set(names)) == 24
    assert not set(names) & {row["cliente_id"] for name in BATCHES for row in rows(made, name)}


@any_seed
@given(SEEDS)
def test_the_truth_of_an_order_is_the_one_row_of_the_history_that_holds_its_moment(seed):
    """A row is valid from its first second up to, and without, its last; some orders fall on that very second, some in no row."""
    made = generate(seed, "S")
    history, on_the_second = rows(made, HISTORY), 0
    for order, row in zip(made.ledger.orders, rows(made, ORDERS), strict=True):
        when = seconds(row["ts_evento"])
        own = [each for each in history if each["cliente_id"] == row["cliente_id"]]
        valid = [each for each in own if seconds(each["valid_from"]) <= when and (not each["valid_to"] or when < seconds(each["valid_to"]))]
        assert [(each["cidade"], each["plano"]) for each in valid] == ([(order.cidade, order.plano)] if order.cidade else [])
        on_the_second += any(each["valid_to"] and seconds(each["valid_to"]) == when for each in own)
    assert on_the_second >= DATES
    nowhere = [order for order in made.ledger.orders if order.cidade is None]
    known = {each["cliente_id"] for each in history}
    assert sum(order.cliente_id in known for order in nowhere) >= 3
    assert sum(order.cliente_id not in known for order in nowhere) == 3
    assert len({order.instant // 86_400 for order in made.ledger.orders}) == DATES


@given(SEEDS)
@settings(max_examples=3, deadline=None)
def test_the_same_seed_gives_the_same_bytes(seed):
    """And another seed gives others."""
    assert generate(seed, "S").batches == generate(seed, "S").batches
    assert generate(seed, "S").batches != generate(seed ^ 1, "S").batches
