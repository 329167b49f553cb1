"""Loja Aurora's customer register: changes as they arrive, a history from the old system, orders to look up in it, and the truth."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dataflow_hub.datagen.model import Generated, Size

CITIES = ("Belém", "Campinas", "Curitiba", "Fortaleza", "Goiânia", "Niterói", "Olinda", "Salvador", "São Luís")
PLANS = ("básico", "prata", "ouro")
BATCHES = ("cadastro-0001.jsonl", "cadastro-0002.jsonl", "cadastro-0003.jsonl")
BRANCHES = ("filial-1.jsonl", "filial-2.jsonl", "filial-3.jsonl")
HISTORY, ORDERS = "historico.jsonl", "pedidos.jsonl"
DATES = 5  # days on which orders were placed

_SCALE: dict[Size, int] = {"S": 1, "M": 20, "L": 500}
_STEADY, _LATE, _ECHO, _BRANCH, _OLD, _STRANGERS = 30, 12, 6, 8, 40, 3  # customers of each kind, in size S
_FIRST_DAY = int(np.datetime64("2026-03-02", "s").astype(np.int64))
_DAY, _HOUR = 86_400, 3_600
_DAYS_A_BATCH = 20
_ORDERS_A_DATE = 25


@dataclass(frozen=True)
class Change:
    """One true change of one customer: from `instant` (seconds since 1970, UTC) on, city and plan are these.

    `versao` counts a customer's changes in the order in which they happened, from 1. `batch` is the file in which the change
    first lands. `kind`: "steady" (its customer's changes land in the order in which they happened), "late" (they do not), "echo"
    (the same line lands again in a later file), "branch" (from a branch's own file) or "old" (from the old system's history).
    """

    cliente_id: str
    versao: int
    cidade: str
    plano: str
    instant: int
    batch: str
    kind: str


@dataclass(frozen=True)
class Order:
    """One order, and where its customer lived when it was placed; None where the history does not know."""

    pedido_id: str
    cliente_id: str
    cents: int
    instant: int
    cidade: str | None
    plano: str | None


@dataclass(frozen=True)
class Register:
    """The truth about one seed. It never enters a student's sandbox. `dates`: the days of the orders, seconds since 1970."""

    seed: int
    changes: tuple[Change, ...]
    orders: tuple[Order, ...]
    dates: tuple[int, ...]

    def of_kind(self, *kinds: str) -> dict[str, list[Change]]:
        """Give the changes of all customers of some kinds, by customer, in the order in which they happened."""
        found: dict[str, list[Change]] = {}
        for change in self.changes:
            if change.kind in kinds:
                found.setdefault(change.cliente_id, []).append(change)
        return found


def generate(seed: int, size: Size) -> Generated:
    """Make the files of one seed; the same seed always gives the same bytes.

    `cadastro-0001.jsonl` to `-0003`: changes in the order in which they arrived at headquarters, twenty days a file, the lines of
    a file in no order. `filial-1.jsonl` to `-3`: changes of three branches, one a customer, each branch with customers of its own.
    `historico.jsonl`: the closed and open rows of the old system. `pedidos.jsonl`: orders of five days, each a day on which
    somebody's row of the history changes; for each such change there is one order in the very second in which it happens.
    """
    rng = np.random.default_rng(seed)
    scale = _SCALE[size]
    counts = [count * scale for count in (_STEADY, _LATE, _ECHO, _BRANCH * len(BRANCHES), _OLD, _STRANGERS)]
    names = iter([f"C{number:07d}" for number in rng.choice(9_000_000, sum(counts), replace=False)])
    steady, late, echo, branch, old, strangers = ([next(names) for _ in range(count)] for count in counts)
    changes = [change for number, name in enumerate(steady) for change in _steady(rng, name, number)]
    changes += [change for number, name in enumerate(late) for change in _late(rng, name, number)]
    changes += [change for name in echo for change in _customer(rng, name, [_in(rng, 0), _in(rng, 2)], "echo")]
    changes += [change for number, name in enumerate(branch) for change in _branch(rng, name, number)]
    history = [change for number, name in enumerate(old) for change in _old(rng, name, number)]
    orders, dates = _orders(rng, history, strangers, scale)
    ledger = Register(seed, (*changes, *history), tuple(orders), dates)
    landed = {name: _lines(rng, [each for each in changes if each.batch == name]) for name in (*BATCHES, *BRANCHES)}
    echoes = [_line(each) for each in changes if each.kind == "echo" and each.versao == 1]
    landed[BATCHES[1]] = _shuffled(rng, [*landed[BATCHES[1]], *echoes])
    landed |= {HISTORY: _history_lines(history), ORDERS: [_order_line(each) for each in orders]}
    return Generated({name: "".join(lines).encode() for name, lines in landed.items()}, ledger)


def _steady(rng: np.random.Generator, name: str, number: int) -> list[Change]:
    """Make a customer whose changes land in their order, of three sorts.

    Two changes in the second file after one in the first; two in the first file; anything. Every fourth repeats its values.
    """
    more = {0: [1, 1, 2], 1: [0, 2], 2: rng.integers(0, 3, rng.integers(0, 4)).tolist()}[number % 3]
    instants = [_in(rng, period) for period in (0, *more)]
    return _customer(rng, name, instants, "steady", repeats=number % 4 == 0)


def _late(rng: np.random.Generator, name: str, number: int) -> list[Change]:
    """Make a customer one of whose changes lands after newer ones: one in the middle, the first, or one before a repetition.

    In the last case the newer one only repeats what was known when it landed: cities are A, B, A, and B comes last.
    """
    first, middle, last = _in(rng, 0), _in(rng, 1), _in(rng, 1)
    changes = _customer(rng, name, [first, middle, last], "late")
    delayed = 0 if number % 3 == 1 else 1
    landing = [BATCHES[0], BATCHES[1], BATCHES[1]]
    landing[delayed] = BATCHES[2]
    if number % 3 == 2:  # noqa: PLR2004 - one of three kinds
        changes[2] = _with(changes[2], cidade=changes[0].cidade, plano=changes[0].plano)
    return [_with(change, batch=batch) for change, batch in zip(changes, landing, strict=True)]


def _branch(rng: np.random.Generator, name: str, number: int) -> list[Change]:
    batch = BRANCHES[number % len(BRANCHES)]
    return [_with(change, batch=batch) for change in _customer(rng, name, [_in(rng, 2)], "branch")]


def _old(rng: np.random.Generator, name: str, number: int) -> list[Change]:
    """Make a customer of the old system, the year before; every eighth came only at its end."""
    days = [330] if number % 8 == 7 else [int(rng.integers(0, 30)), *rng.integers(60, 300, rng.integers(1, 4)).tolist()]  # noqa: PLR2004
    instants = [_FIRST_DAY - 365 * _DAY + day * _DAY + int(rng.integers(0, _DAY)) for day in days]
    return [_with(change, batch=HISTORY) for change in _customer(rng, name, instants, "old")]


def _in(rng: np.random.Generator, period: int) -> int:
    """Give a moment of the twenty days of one file."""
    return _FIRST_DAY + int(rng.integers(period * _DAYS_A_BATCH * _DAY, (period + 1) * _DAYS_A_BATCH * _DAY))


def _customer(rng: np.random.Generator, name: str, instants: list[int], kind: str, *, repeats: bool = False) -> list[Change]:
    """Make one customer's changes, at least an hour apart, each unlike the one before it; or the last one a repetition."""
    changes: list[Change] = []
    for instant in sorted(instants):
        when = max(instant, changes[-1].instant + _HOUR) if changes else instant
        before = changes[-1] if changes else None
        cidade, plano = _other(rng, CITIES, before.cidade if before else None), str(rng.choice(PLANS))
        period = min((when - _FIRST_DAY) // (_DAYS_A_BATCH * _DAY), len(BATCHES) - 1)
        changes.append(Change(name, len(changes) + 1, cidade, plano, when, BATCHES[max(0, period)], kind))
    if repeats and len(changes) > 1:
        changes[-1] = _with(changes[-1], cidade=changes[-2].cidade, plano=changes[-2].plano)
    return changes


def _other(rng: np.random.Generator, values: tuple[str, ...], than: str | None) -> str:
    return str(rng.choice([value for value in values if value != than]))


def _with(change: Change, **values: str) -> Change:
    return Change(**{**change.__dict__, **values})


def _orders(rng: np.random.Generator, history: list[Change], strangers: list[str], scale: int) -> tuple[list[Order], tuple[int, ...]]:
    """Place orders on five days: of anybody, in the second of a change, of customers to come, and of strangers."""
    truth = _by_customer(history)
    moved = _on_different_days(rng, [each for each in history if each.versao > 1])
    dates = tuple(sorted(each.instant // _DAY * _DAY for each in moved))
    customers = list(truth)
    placed = [(each.cliente_id, each.instant) for each in moved]
    for date in dates:
        chosen = rng.integers(0, len(customers), _ORDERS_A_DATE * scale)
        placed += [(customers[number], date + int(rng.integers(0, _DAY))) for number in chosen]
    newcomers = [name for name, changes in truth.items() if changes[0].instant >= dates[-1] + _DAY]
    placed += [(name, dates[0] + int(rng.integers(0, _DAY))) for name in (*newcomers, *strangers)]
    cents = np.maximum(100, (rng.lognormal(4.5, 1.0, len(placed)) * 100).astype(np.int64)).tolist()
    orders = []
    for number, index in enumerate(rng.permutation(len(placed)).tolist()):
        name, instant = placed[index]
        known = [each for each in truth.get(name, []) if each.instant <= instant]
        cidade, plano = (known[-1].cidade, known[-1].plano) if known else (None, None)
        orders.append(Order(f"A{number:08d}", name, cents[index], instant, cidade, plano))
    return orders, dates


def _on_different_days(rng: np.random.Generator, changes: list[Change]) -> list[Change]:
    """Choose five changes of five customers on five days."""
    found: list[Change] = []
    for index in rng.permutation(len(changes)).tolist():
        change = changes[index]
        if all(each.cliente_id != change.cliente_id and each.instant // _DAY != change.instant // _DAY for each in found):
            found.append(change)
    return found[:DATES]


def _by_customer(changes: Iterable[Change]) -> dict[str, list[Change]]:
    found: dict[str, list[Change]] = {}
    for change in changes:
        found.setdefault(change.cliente_id, []).append(change)
    return found


def _lines(rng: np.random.Generator, changes: list[Change]) -> list[str]:
    """Write the changes of one file in no order, every tenth line twice."""
    lines = [_line(each) for each in changes]
    return _shuffled(rng, lines + lines[::10])


def _shuffled(rng: np.random.Generator, lines: list[str]) -> list[str]:
    return [lines[index] for index in rng.permutation(len(lines)).tolist()]


def _line(change: Change) -> str:
    return _json(
        cliente_id=change.cliente_id, cidade=change.cidade, plano=change.plano, changed_at=_text(change.instant), versao=change.versao
    )


def _history_lines(history: list[Change]) -> list[str]:
    lines = []
    for changes in _by_customer(history).values():
        ends = [each.instant for each in changes[1:]] + [None]
        for change, end in zip(changes, ends, strict=True):
            state = {"cidade": change.cidade, "plano": change.plano, "valid_from": _text(change.instant)}
            valid_to = None if end is None else _text(end)
            lines.append(_json(cliente_id=change.cliente_id, versao=change.versao, **state, valid_to=valid_to, is_current=end is None))
    return lines


def _order_line(order: Order) -> str:
    return _json(pedido_id=order.pedido_id, cliente_id=order.cliente_id, valor=order.cents / 100, ts_evento=_text(order.instant))


def _json(**values: object) -> str:
    return json.dumps(values, ensure_ascii=False) + "\n"


def _text(instant: int) -> str:
    return f"{np.datetime64(instant, 's')}Z"
