"""What a student can check while working: a version query, the orders in their time, and the customers' own history."""

import json
from collections import Counter, defaultdict
from itertools import pairwise

import pyarrow as pa

from dataflow_kernels.checks import Bench, Outcome, Text, visible

LESSON = "04-delta"
OLD_SYSTEM, CHANGED, IN_TIME, OWN = "silver/historico", "silver/changed", "gold/pedidos_no_tempo", "silver/clientes"
TIME, NUMBER = ("timestamp", "timestamp_ntz"), ("integer", "long", "short", "byte")
STATE = {"cliente_id": ("string",), "versao": NUMBER, "cidade": ("string",), "plano": ("string",), "is_current": ("boolean",)}
VALID = {**STATE, "valid_from": TIME, "valid_to": TIME}


@visible("delta.version")
def version(bench: Bench) -> Outcome:
    """The rows that the last version before the repair had, and the one before it had not."""
    found = bench.read(CHANGED, {**VALID, "version": NUMBER})
    numbers = set(found["version"].to_pylist()) - {None}
    number = max([1, *numbers])
    before, after = (_rows(bench.read(OLD_SYSTEM, VALID, version=each)) for each in (number - 1, number))
    truth, given = after - before, _rows(found)
    missing, added = (truth - given).total(), (given - truth).total()
    return Outcome(
        score=1 if truth and not missing and not added and len(numbers) == 1 else 0,
        expected=Text(
            f"The {truth.total()} rows that version {number} has and version {number - 1} does not.",
            f"As {truth.total()} linhas que a versão {number} tem e a versão {number - 1} não tem.",
        ),
        found=Text(f"{missing} of them are missing; {added} rows too many.", f"Faltam {missing} delas; há {added} linhas a mais."),
        hint=Text(
            "Read both versions. Which of the two comes before `exceptAll`?", "Leia as duas versões. Qual delas vem antes de `exceptAll`?"
        ),
        read="2 · Guided exercise / Exercício guiado",
    )


@visible("delta.join")
def join(bench: Bench) -> Outcome:
    """Each order once, with city and plan of the row that was valid in its second."""
    data = bench.read(IN_TIME, {"pedido_id": ("string",), "cidade": ("string",), "plano": ("string",)})
    given = defaultdict(list)
    for name, *state in zip(*(data[each].to_pylist() for each in ("pedido_id", "cidade", "plano")), strict=True):
        given[name].append(tuple(state))
    history = defaultdict(list)
    for row in lines(bench, "historico.jsonl"):
        history[row["cliente_id"]].append(row)
    orders = list(lines(bench, "pedidos.jsonl"))
    truth = {order["pedido_id"]: at(history[order["cliente_id"]], order["ts_evento"]) for order in orders}
    wrong = [
        {"pedido_id": name, "expected": _said([state]), "found": _said(given[name])}
        for name, state in truth.items()
        if given[name] != [state]
    ]
    twice = sum(len(states) > 1 for states in given.values())
    lost = sum(not given[name] for name in truth)
    return Outcome(
        score=0 if wrong or len(given) > len(truth) else 1,
        expected=Text(
            f"Each of the {len(truth)} orders once, as things were then.", f"Cada um dos {len(truth)} pedidos uma vez, como era então."
        ),
        found=Text(
            f"{len(wrong)} orders differ: {lost} are missing, {twice} are there more than once.",
            f"{len(wrong)} pedidos diferem: faltam {lost}, {twice} aparecem mais de uma vez.",
        ),
        hint=Text(
            "Twice: two rows valid at one moment? Missing: what does the join do with an order that no row belongs to?",
            "Repetidos: duas linhas valem no mesmo momento? Faltando: o que o join faz com um pedido ao qual nenhuma linha corresponde?",
        ),
        rows=tuple(wrong[:5]),
        read="3 · Guided exercise / Exercício guiado",
    )


@visible("delta.current")
def current(bench: Bench) -> Outcome:
    """Each customer has one current row, with the newest values, and rows that follow each other without gap or overlap."""
    rows = defaultdict(list)
    table = bench.read(OWN, VALID)
    for values in zip(*(_values(table[name]) for name in VALID), strict=True):
        rows[values[0]].append(dict(zip(VALID, values, strict=True)))
    newest: dict[str, dict[str, str]] = {}
    for name in bench.landing():
        for row in lines(bench, name) if name.startswith("cadastro") else ():
            if row["versao"] >= newest.get(row["cliente_id"], row)["versao"]:
                newest[row["cliente_id"]] = row
    wrong = []
    for name in sorted(set(newest) | set(rows), key=str):
        problem = _problem(rows[name], newest.get(name))
        wrong += [{"cliente_id": str(name), "problem": problem}] if problem else []
    return Outcome(
        score=0 if wrong or not rows else 1,
        expected=Text(
            f"{len(newest)} customers, each with one current row and a history without gap or overlap.",
            f"{len(newest)} clientes, cada um com uma linha atual e um histórico sem intervalo vazio nem sobreposição.",
        ),
        found=Text(f"{len(wrong)} customers are not like that.", f"{len(wrong)} clientes não estão assim."),
        hint=Text(
            "Take one of the customers below and write their lines in the order of `changed_at`. What should the table say?",
            "Pegue um dos clientes abaixo e escreva as linhas dele na ordem de `changed_at`. O que a tabela deveria dizer?",
        ),
        rows=tuple(wrong[:5]),
        read="4 · Challenge / Desafio",
    )


def _problem(rows: list[dict], newest: dict | None) -> str:
    """Say what is wrong with one customer's rows; "" when nothing is."""
    marked = [row for row in rows if row["is_current"]]
    if newest is None or not rows:
        return "unknown customer" if rows else "no row"
    if len(marked) != 1 or marked[0]["valid_to"] is not None:
        return f"{len(marked)} current rows" if len(marked) != 1 else "the current row has a valid_to"
    if any(row["valid_from"] is None for row in rows):
        return "a row without valid_from"
    if any(before["valid_to"] != after["valid_from"] for before, after in pairwise(sorted(rows, key=lambda row: row["valid_from"]))):
        return "valid_to is not the next row's valid_from"
    if (marked[0]["cidade"], marked[0]["plano"]) != (newest["cidade"], newest["plano"]):
        return "the current row does not have the newest values"
    return ""


def lines(bench: Bench, name: str):
    """Give the lines of a landed file."""
    return map(json.loads, bench.landing()[name].decode().splitlines())


def at(history: list[dict], moment: str) -> tuple[str | None, str | None]:
    """Give city and plan at a moment; None where the history knows nothing. Times are all in UTC and in one form: texts compare well."""
    found = [row for row in history if row["valid_from"] <= moment and (row["valid_to"] is None or moment < row["valid_to"])]
    return (found[0]["cidade"], found[0]["plano"]) if found else (None, None)


def _rows(data) -> Counter:
    return Counter(zip(*(_values(data[name]) for name in VALID), strict=True))


def _values(column) -> list:
    """Give a column's values; times in microseconds since 1970, so that none is out of Python's range."""
    return (column.cast(pa.timestamp("us", column.type.tz)).cast("int64") if pa.types.is_timestamp(column.type) else column).to_pylist()


def _said(states: list[tuple]) -> str:
    return "; ".join(", ".join(str(value) for value in state) for state in states) or "—"
