"""Loja Aurora's events as a stream: what happens to each order, seeded, with known dirt and a ledger known by construction."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dataflow_hub.datagen.model import Generated, Size

LINES: dict[Size, int] = {"S": 2_000, "M": 100_000, "L": 5_000_000}
KINDS = ("pedido_criado", "pagamento_aprovado", "pedido_enviado", "pedido_entregue")
CHUNK = 1_000  # an endless stream is made of these, each from its own seed
_FILES: dict[Size, int] = {"S": 4, "M": 10, "L": 50}
_FIRST_INSTANT_MS = int(np.datetime64("2026-03-02T12:00:00", "ms").astype(np.int64))
_FILE_RATE = 50.0
_MINUTE_MS = 60_000
_TRUE, _COPY, _DAMAGED = 0, 1, 2
_COLUMNS = ("event", "order", "kind", "cents", "instant_ms", "defects")
_Ints = npt.NDArray[np.int64]


class EventDefect(enum.IntFlag):
    """What is wrong with one message; a message may have several."""

    DUPLICATE = enum.auto()  # the same bytes as an earlier message
    LATE = enum.auto()  # it happened 2 to 60 minutes before its neighbours
    OUT_OF_ORDER = enum.auto()  # a newer event of the same order is in front of it
    MALFORMED = enum.auto()  # not JSON at all: no event can be recovered


SHARES = {EventDefect.DUPLICATE: 0.03, EventDefect.LATE: 0.04, EventDefect.OUT_OF_ORDER: 0.02, EventDefect.MALFORMED: 0.01}


@dataclass(frozen=True)
class Message:
    """One message: its key (the order's id, so that an order's events share a partition) and its value."""

    key: bytes
    value: bytes


@dataclass(frozen=True, eq=False)
class EventLedger:
    """What is true of each message, in the order in which they are sent. It never enters a student's sandbox.

    Columns, one entry a message: `event` (number of the event; -1 for a malformed message), `order`, `kind` (index into
    `KINDS`), `cents`, `instant_ms` (when it happened, milliseconds since 1970), `defects` (bits of `EventDefect`).
    """

    event: _Ints
    order: _Ints
    kind: _Ints
    cents: _Ints
    instant_ms: _Ints
    defects: _Ints

    def __len__(self) -> int:
        return len(self.event)

    def having(self, defect: EventDefect) -> npt.NDArray[np.bool_]:
        """Tell for each message whether `defect` was injected."""
        found: npt.NDArray[np.bool_] = (self.defects & int(defect)) != 0
        return found

    @property
    def distinct(self) -> npt.NDArray[np.bool_]:
        """Which messages are each event's one true copy: neither duplicate nor malformed."""
        return ~self.having(EventDefect.DUPLICATE) & ~self.having(EventDefect.MALFORMED)

    def to_json(self) -> str:
        """Write the ledger as one JSON object of columns."""
        return json.dumps({name: getattr(self, name).tolist() for name in _COLUMNS})

    @classmethod
    def from_json(cls, text: str) -> EventLedger:
        """Read what `to_json` wrote."""
        data: dict[str, Any] = json.loads(text)
        return cls(**{name: np.asarray(data[name], dtype=np.int64) for name in _COLUMNS})


@dataclass(frozen=True, eq=False)
class Events:
    """Messages in sending order, and the truth about them."""

    messages: list[Message]
    ledger: EventLedger


def generate(seed: int, size: Size) -> Generated:
    """Make files of events, one message a line, to be sent in the order of their names and lines; the key is `pedido_id`."""
    made, files = make((seed,), LINES[size]), _FILES[size]
    bounds = np.linspace(0, len(made.messages), files + 1).astype(int).tolist()
    names = [f"eventos-{number + 1:04d}.jsonl" for number in range(files)]
    lines = [b"".join(each.value + b"\n" for each in made.messages[bounds[n] : bounds[n + 1]]) for n in range(files)]
    return Generated(dict(zip(names, lines, strict=True)), made.ledger)


def stream(seed: int, start_ms: int, rate: float) -> Iterator[Message]:
    """Give messages without end: what happens is the seed's, when it happens counts from `start_ms`, `rate` a second."""
    chunk = 0
    while True:
        first_ms = start_ms + int(chunk * CHUNK / rate * 1000)
        yield from make((seed, chunk), CHUNK, start_ms=first_ms, rate=rate, first=chunk * CHUNK).messages
        chunk += 1


def make(seed: tuple[int, ...], count: int, *, start_ms: int = _FIRST_INSTANT_MS, rate: float = _FILE_RATE, first: int = 0) -> Events:
    """Make `count` messages, every defect at least once among them; event and order numbers begin at `first`.

    Parameters
    ----------
    count
        At least 50: fewer have no room for every defect.
    rate
        Messages a second, by which each one's time is told before it is made late.
    """
    rng = np.random.default_rng(seed)
    shares = {defect: max(1, round(count * share)) for defect, share in SHARES.items()}
    copies, broken = shares[EventDefect.DUPLICATE], shares[EventDefect.MALFORMED]
    true = count - copies - broken
    events = _events(rng, true, first)
    events["instant_ms"] = start_ms + (np.arange(true) * (count / true) * 1000 / rate).astype(np.int64)
    events["defects"] = np.zeros(true, dtype=np.int64)
    events = _out_of_order(rng, events, shares[EventDefect.OUT_OF_ORDER])
    _make_late(rng, events, shares[EventDefect.LATE])
    source, kind = _sent(rng, true, copies, broken)
    return Events(_written(events, source, kind, rng.integers(0, 4, count).tolist()), _columns(events, source, kind))


def _events(rng: np.random.Generator, count: int, first: int) -> dict[str, _Ints]:
    """Give true events in the order of happening: each order walks through `KINDS`, many orders side by side."""
    steps = np.resize(np.arange(len(KINDS)), count)
    order = np.arange(count) // len(KINDS)
    # an order begins somewhere, and each next step comes a while later; a stable sort keeps the steps in their order
    begin = rng.random(order[-1] + 1) * count
    moment = begin[order] + steps * 6 + rng.random(count) * 5
    happened = np.argsort(moment, kind="stable")
    cents = np.maximum(100, (rng.lognormal(5.0, 1.1, order[-1] + 1) * 100).astype(np.int64))
    return {"event": np.arange(count) + first, "order": order[happened] + first, "kind": steps[happened], "cents": cents[order[happened]]}


def _out_of_order(rng: np.random.Generator, events: dict[str, _Ints], wanted: int) -> dict[str, _Ints]:
    """Let `wanted` orders' second event change places with their first, so that the newer comes first."""
    second = np.flatnonzero(events["kind"] == 1)
    chosen = rng.choice(second, min(wanted, len(second)), replace=False)
    first_of = {int(events["order"][index]): index for index in np.flatnonzero(events["kind"] == 0).tolist()}
    index = np.arange(len(events["event"]))
    for newer in chosen.tolist():
        older = first_of[int(events["order"][newer])]
        index[older], index[newer] = newer, older
    swapped = {name: column[index] for name, column in events.items()}
    swapped["defects"][chosen] = int(EventDefect.OUT_OF_ORDER)  # the places where the older ones are now
    return swapped


def _make_late(rng: np.random.Generator, events: dict[str, _Ints], wanted: int) -> None:
    """Put `wanted` events 2 to 60 minutes into the past, others than those that are out of order."""
    calm = np.flatnonzero(events["defects"] == 0)
    chosen = rng.choice(calm, min(wanted, len(calm)), replace=False)
    events["instant_ms"][chosen] -= rng.integers(2 * _MINUTE_MS, 60 * _MINUTE_MS, len(chosen))
    events["defects"][chosen] = int(EventDefect.LATE)


def _sent(rng: np.random.Generator, count: int, copies: int, broken: int) -> tuple[_Ints, _Ints]:
    """Give for each message the event that it is of, and whether it is that, a copy of it or damaged."""
    repeated, damaged = rng.choice(count, copies, replace=False), rng.choice(count, broken, replace=False)
    place = np.concatenate([np.arange(count), repeated + rng.uniform(0.5, 40, copies), damaged + 0.25])
    source, kind = np.concatenate([np.arange(count), repeated, damaged]), np.repeat([_TRUE, _COPY, _DAMAGED], [count, copies, broken])
    sent = np.argsort(place, kind="stable")
    return source[sent], kind[sent]


def _columns(events: dict[str, _Ints], source: _Ints, kind: _Ints) -> EventLedger:
    """Give the ledger: each message has its event's truth, and says what it is itself."""
    bits = events["defects"][source]
    bits[kind == _COPY] |= int(EventDefect.DUPLICATE)
    bits[kind == _DAMAGED] = int(EventDefect.MALFORMED)
    event = np.where(kind == _DAMAGED, -1, events["event"][source])
    columns = {name: events[name][source] for name in ("order", "kind", "cents", "instant_ms")}
    return EventLedger(event=event, defects=bits, **columns)


def _written(events: dict[str, _Ints], source: _Ints, kind: _Ints, damage: list[int]) -> list[Message]:
    columns = (events[name].tolist() for name in ("event", "order", "kind", "cents"))
    moments = np.datetime_as_string(events["instant_ms"].astype("datetime64[ms]")).tolist()
    whole = list(map(_line, *columns, moments))
    keys = [f"A{order:08d}".encode() for order in events["order"].tolist()]
    return [
        Message(keys[index], _damaged(whole[index], damage[number]) if what == _DAMAGED else whole[index].encode())
        for number, (index, what) in enumerate(zip(source.tolist(), kind.tolist(), strict=True))
    ]


def _line(event: int, order: int, kind: int, cents: int, moment: str) -> str:
    customer, product = order * 7_919 % 5_000, order * 104_729 % 320  # always the same for an order, whatever chunk it is in
    return (
        f'{{"evento_id": "E{event:010d}", "pedido_id": "A{order:08d}", "cliente_id": "C{customer:07d}", '
        f'"produto_id": "P{product:05d}", "tipo": "{KINDS[kind]}", "valor": {cents / 100:.2f}, "ts_evento": "{moment}Z"}}'
    )


def _damaged(text: str, way: int) -> bytes:
    """Damage a message in one of the ways in which producers do; what is left is not JSON."""
    match way:
        case 0:
            return text[: len(text) * 2 // 3].encode()  # cut off
        case 1:
            return text.replace('": ', '" ').encode()  # a serialiser without colons
        case 2:
            return b"\x00\x00\x00\x00\x07" + text[20:].encode()  # another serialiser's header
        case _:
            return b"ERRO 500 ao publicar o evento"  # a log line among the events
