"""How Loja Aurora's orders change, as messages that arrive in files: versions in any order, and messages that no program can read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dataflow_hub.datagen.model import Generated, Size

FILES = 3
EARLY = 2  # the first files: whatever happens to an order with several messages happens in these
STATUSES = ("criado", "pago", "enviado", "entregue")
REASONS = ("not_json", "no_key", "bad_value")
PLAIN: dict[Size, int] = {"S": 50, "M": 5_000, "L": 200_000}  # orders with one message, in each file
_POISON_OF_A_KIND = 2  # in each file
_REPEATS = 2  # how often the one unreadable text that is sent again is sent
_FIRST_INSTANT = np.datetime64("2026-03-02T12:00:00", "s")
# Orders with several messages: how many of them, and which versions come in each of the early files.
_STORIES: dict[str, tuple[int, tuple[tuple[int, ...], ...]]] = {
    "twice": (6, ((1, 2, 3), ())),
    "twice_later": (6, ((), (1, 2))),
    "updated_twice": (6, ((1,), (2, 3))),
    "updated": (8, ((1,), (2,))),
    "overtaken": (8, ((2,), (1,))),
    "sent_twice": (4, ((1, 1), ())),
    "sent_again": (4, ((2,), (2,))),
}


@dataclass(frozen=True)
class Change:
    """The truth about one message.

    `file` is its place in the order of the files; `order` the order's number (-1 where none can be read); `version` begins at 1;
    `story` says what happens to its order ("plain": this one message and no other); `why` is
    one of `REASONS` for a message that cannot be used, "" for all others.
    """

    file: int
    order: int
    version: int
    cents: int
    story: str
    why: str = ""

    @property
    def key(self) -> str:
        """The `pedido_id` of its order."""
        return f"A{self.order:08d}"

    @property
    def status(self) -> str:
        """What the version says of its order."""
        return STATUSES[self.version - 1]


@dataclass(frozen=True)
class Changes:
    """The truth about every message, in the order of files and lines. It never enters a student's sandbox."""

    seed: int
    names: tuple[str, ...]
    messages: tuple[Change, ...]

    def newest(self) -> dict[str, Change]:
        """Give the newest version of each order."""
        usable = sorted((each for each in self.messages if not each.why), key=lambda each: each.version)
        return {each.key: each for each in usable}


def generate(seed: int, size: Size) -> Generated:
    """Make the files of one seed, `mudancas-0001.jsonl` and so on; the same seed always gives the same bytes.

    Every file has orders with one message and messages of each reason. The first two files also have orders with several: versions
    in one file in either order, updates, an old version after a newer one, the same bytes again. Versions of an order differ in
    status and amount. The first file has one unreadable text twice; no other unreadable text comes again.
    """
    rng = np.random.default_rng(seed)
    numbers = iter(rng.permutation(10 * FILES * PLAIN[size]).tolist())
    placed = [*_plain(rng, numbers, PLAIN[size]), *_stories(rng, numbers)]
    lines = [(change, where, _line(change)) for change, where in placed]
    lines += [(change, float(rng.random()), text) for change, text in _poison(rng, numbers)]
    lines.sort(key=lambda each: (each[0].file, each[1]))
    names = tuple(f"mudancas-{number + 1:04d}.jsonl" for number in range(FILES))
    texts = [[text for change, _, text in lines if change.file == number] for number in range(FILES)]
    files = {name: "".join(f"{text}\n" for text in each).encode() for name, each in zip(names, texts, strict=True)}
    return Generated(files, Changes(seed, names, tuple(change for change, _, _ in lines)))


def _plain(rng: np.random.Generator, numbers: Iterator[int], count: int) -> Iterator[tuple[Change, float]]:
    """Give the orders with one message, each with its place in its file."""
    for file in range(FILES):
        for version, cents, where in zip(rng.integers(1, 4, count).tolist(), _cents(rng, count), rng.random(count).tolist(), strict=True):
            yield Change(file, next(numbers), version, cents, "plain"), where


def _stories(rng: np.random.Generator, numbers: Iterator[int]) -> Iterator[tuple[Change, float]]:
    """Give the messages of the orders with several, each with its place in its file."""
    for story, (count, files) in _STORIES.items():
        for nth, cents in enumerate(_cents(rng, count)):
            order = next(numbers)
            for file, versions in enumerate(files):
                for version, where in zip(versions, _places(rng, nth, len(versions)), strict=True):
                    yield Change(file, order, version, cents + 1_000 * version, story), where


def _places(rng: np.random.Generator, nth: int, count: int) -> list[float]:
    """Place an order's versions in a file: of the first order of a story the newest comes last, of the second it comes first."""
    places: list[float] = np.sort(rng.random(count)).tolist()
    if nth == 1:
        places.reverse()
    elif nth > 1:
        rng.shuffle(places)
    return places


def _poison(rng: np.random.Generator, numbers: Iterator[int]) -> Iterator[tuple[Change, str]]:
    """Give the messages that cannot be used."""
    for file in range(FILES):
        for nth in range(_POISON_OF_A_KIND):
            number = file * _POISON_OF_A_KIND + nth
            cents = _cents(rng, 1)[0] // 100 * 100 + number  # no two of them alike
            cut = _line(Change(file, next(numbers), 1, cents, "poison"))
            broken = cut[: len(cut) * 2 // 3] if nth else f"ERRO 500 ao publicar a mudança (tentativa {number})"
            yield from [(Change(file, -1, 0, 0, "poison", "not_json"), broken)] * (1 if file or nth else _REPEATS)
            keyless = {"pedido_id": None} if nth else {}
            yield Change(file, -1, 0, 0, "poison", "no_key"), json.dumps({**keyless, "versao": 1, "status": "criado", "valor": cents / 100})
            amount = ("grátis", f"R$ {cents // 100},{cents % 100:02d}")[nth]
            row = {**json.loads(_line(Change(file, next(numbers), 1, cents, "poison"))), "valor": amount}
            yield Change(file, -1, 0, 0, "poison", "bad_value"), json.dumps(row, ensure_ascii=False)


def _cents(rng: np.random.Generator, count: int) -> list[int]:
    cents: list[int] = np.maximum(100, (rng.lognormal(5.0, 1.1, count) * 100).astype(np.int64)).tolist()
    return cents


def _line(change: Change) -> str:
    when = np.datetime_as_string(_FIRST_INSTANT + change.file * 600 + change.order % 600)
    row = {"pedido_id": change.key, "versao": change.version, "status": change.status, "valor": change.cents / 100, "ts_evento": f"{when}Z"}
    return json.dumps(row)
