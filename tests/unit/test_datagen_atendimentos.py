"""The service desk's ledger is true for any seed, and each seed has whatever a check needs to look at."""

import json
import re
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_hub.datagen import pools
from dataflow_hub.datagen.atendimentos import BARE_CHANNELS, BLOCK, DAYS, DRIFTS, dotted, generate

SEEDS = st.integers(0, 2**63 - 1)
any_seed = settings(max_examples=12, deadline=None)
COLUMNS = {
    "clientes": {"cpf": str, "nome": str, "email": str, "telefone": str, "regiao": str},
    "atendimentos": {"atendimento_id": str, "cpf": str, "canal": str, "ts": str, "minutos": float, "texto": str},
}


def rows(made, name):
    return [json.loads(line) for line in made.batches[name].decode().splitlines()]


def digits(text):
    return re.sub(r"\D", "", text)


def is_whole(row, name):
    columns = COLUMNS[name.split("-")[0]]
    return row.keys() == columns.keys() and all(isinstance(row[each], kind) for each, kind in columns.items())


@any_seed
@given(SEEDS)
def test_each_ticket_lands_as_the_ledger_says(seed):
    """Whose it is, in which file, its minutes and its text; a cpf is written as its channel writes it."""
    made = generate(seed, "S")
    truth = made.ledger
    landed = {}
    for name in [name for night in truth.nights for name in night if name.startswith("atendimentos")]:
        for row in rows(made, name):
            assert row["cpf"] == (digits(row["cpf"]) if row["canal"] in BARE_CHANNELS else dotted(digits(row["cpf"])))
            landed[row["atendimento_id"]] = (name, digits(row["cpf"]), row["ts"][:10], row["canal"], row["minutos"], row["texto"])
    told = {
        each.atendimento_id: (each.file, truth.people[each.person].cpf, each.dia, each.canal, each.minutos, each.text)
        for each in truth.tickets
    }
    assert landed == told
    assert len(told) == len(truth.tickets)


@any_seed
@given(SEEDS)
def test_customers_are_known_before_they_call_and_nobody_is_there_twice(seed):
    """Every ticket's customer is in a file of that night or an earlier one; cpfs, addresses and telephones are one person's."""
    made = generate(seed, "S")
    truth = made.ledger
    for night, day in enumerate(DAYS[:2]):
        found = {
            (digits(row["cpf"]), row["nome"], row["email"], digits(row["telefone"]), row["regiao"])
            for row in rows(made, f"clientes-{day}.jsonl")
        }
        assert found == {(each.cpf, each.nome, each.email, each.telefone, each.regiao) for each in truth.people if each.night == night}
    assert all(truth.people[each.person].night <= each.night for each in truth.tickets)
    for name in ("cpf", "email", "telefone"):
        assert len({getattr(each, name) for each in truth.people}) == len(truth.people)


@any_seed
@given(SEEDS)
def test_no_cpf_is_valid_and_all_begin_alike(seed):
    """Nobody real is in the data; and whoever knows the first six digits has few to try."""
    people = generate(seed, "S").ledger.people
    assert all(each.cpf != digits(valid(each.cpf[:9])) for each in people)
    assert len({each.cpf[:6] for each in people}) == 1
    assert len({each.cpf[:9] for each in people}) == len(people) < BLOCK


def valid(nine):
    numbers = [int(each) for each in nine]
    for _ in range(2):
        total = sum(digit * weight for digit, weight in zip(numbers, range(len(numbers) + 1, 1, -1), strict=True))
        numbers.append(total * 10 % 11 % 10)
    return "".join(map(str, numbers))


@any_seed
@given(SEEDS)
def test_what_is_personal_in_a_text_is_its_customers_and_nothing_else_looks_like_it(seed):
    """Each kind is there in each night; what stays of a text holds nobody's name, cpf, address or telephone."""
    truth = generate(seed, "S").ledger
    everybody = {text for each in truth.people for text in (*each.spellings(), each.nome)}
    for ticket in truth.tickets:
        person = truth.people[ticket.person]
        kept = " | ".join(text for kind, text in ticket.pieces if not kind)
        assert not any(text in kept for text in everybody)
        assert re.search(r"A\d{8}|\d{13}|2026-\d{6}|R\$ \d\.\d{3},\d{2}", kept)
        assert all(text in (*person.spellings(), person.nome) for kind, text in ticket.pieces if kind)
    for night in (0, 1):
        kinds = Counter(kind for each in truth.tickets if each.night == night for kind, _ in each.pieces)
        assert all(kinds[kind] >= 5 for kind in ("nome", "cpf", "email", "telefone"))
        written = {text for each in truth.tickets if each.night == night for kind, text in each.pieces if kind == "telefone"}
        assert {text.count("-") + text.count("(") for text in written} == {0, 1, 2}


@any_seed
@given(SEEDS)
def test_whoever_leaves_called_in_both_nights_and_has_a_namesake(seed):
    """In both spellings each night; the namesake called too."""
    truth = generate(seed, "S").ledger
    namesakes = [index for index, each in enumerate(truth.people) if each.nome == truth.people[truth.leaver].nome]
    assert len(namesakes) >= 2
    for night in (0, 1):
        hers = [each for each in truth.tickets if each.night == night and each.person == truth.leaver]
        assert {each.canal in BARE_CHANNELS for each in hers} == {True, False}
        assert any(each.person in namesakes and each.person != truth.leaver for each in truth.tickets if each.night == night)


@any_seed
@given(SEEDS)
def test_drifted_files_break_the_contract_from_their_middle_on_and_others_never(seed):
    """Each in its own way."""
    made = generate(seed, "S")
    truth = made.ledger
    assert sorted(truth.drifted.values()) == sorted(DRIFTS)
    for name in made.batches:
        whole = [is_whole(row, name) for row in rows(made, name)]
        half = len(whole) // 2
        assert whole == ([True] * half + [False] * (len(whole) - half) if name in truth.drifted else [True] * len(whole))
        assert len(whole) >= 2
    assert {*truth.nights[0], *truth.nights[1], truth.spare, *truth.drifted} == set(made.batches)


@any_seed
@given(SEEDS)
def test_channels_differ_from_seed_to_seed(seed):
    """Three of four each night, so that nobody can know which files will land."""
    truth = generate(seed, "S").ledger
    for night in truth.nights:
        assert len(night) == 4
        assert len({name.rsplit("-", 1)[1] for name in night[1:]}) == 3
    assert {each.canal for each in truth.tickets} <= set(pools.CHANNELS)


@given(SEEDS)
@settings(max_examples=3, deadline=None)
def test_the_same_seed_gives_the_same_bytes(seed):
    """And another seed gives others."""
    assert generate(seed, "S").batches == generate(seed, "S").batches
    assert generate(seed, "S").batches != generate(seed ^ 1, "S").batches
