"""Loja Aurora's customers and what they tell the service desk: personal data in columns and in free text, and files that break a contract.

No person here exists: each cpf has a wrong check digit, and each address ends in example.com.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from dataflow_hub.datagen import pools
from dataflow_hub.datagen.model import Generated, Size

DAYS = ("2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05")  # two good nights, one of drifted files, one good file more
DRIFTS = ("added", "renamed", "retyped", "missing")  # what is wrong with a drifted file, from its middle on
BARE_CHANNELS = ("app", "telefone")  # they write a cpf without its points
BLOCK = 1_000  # all cpfs of size S begin with the same six digits

_SCALE: dict[Size, int] = {"S": 1, "M": 10, "L": 100}
_CUSTOMERS, _TICKETS, _SPARE_TICKETS = (24, 14), (48, 40), 8  # of each night; tickets of a file that is not of a night
_CHANNELS_A_NIGHT = 3
_AREA_CODES = (11, 21, 31, 41, 62, 71, 85, 91)
_LEAVER, _NAMESAKE = 0, 1

Piece = tuple[str, str]  # what a part of a text is ("" or "nome", "cpf", "email", "telefone"), and the part


@dataclass(frozen=True)
class Person:
    """One customer; `cpf` and `telefone` are eleven digits. `night` is the one whose file tells of them first, 0 or 1."""

    cpf: str
    nome: str
    email: str
    telefone: str
    regiao: str
    night: int

    def spellings(self) -> tuple[str, ...]:
        """Give everything by which this one person can be found, in each way in which it is written; the name is not alone theirs."""
        return self.cpf, dotted(self.cpf), self.email, *phone_spellings(self.telefone)


@dataclass(frozen=True)
class Ticket:
    """One call for help: `person` is an index into the ledger's `people`, `file` the landing file that has it, `night` 0 or 1."""

    atendimento_id: str
    person: int
    night: int
    file: str
    dia: str
    canal: str
    minutos: float
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """The text as the service desk wrote it."""
        return "".join(text for _, text in self.pieces)


@dataclass(frozen=True)
class ServiceDesk:
    """The truth about one seed. It never enters a student's sandbox.

    `nights`: the files of the two good nights. `spare`: a good file of a later day. `drifted`: file -> what is wrong with it.
    `tickets` are those of the two nights. `leaver` is the index of somebody who asks to be forgotten: they have tickets in both
    nights and in both spellings, and somebody else has the same name.
    """

    seed: int
    people: tuple[Person, ...]
    tickets: tuple[Ticket, ...]
    nights: tuple[tuple[str, ...], ...]
    spare: str
    drifted: Mapping[str, str]
    leaver: int = _LEAVER


def generate(seed: int, size: Size) -> Generated:
    """Make the files of one seed; the same seed always gives the same bytes.

    `clientes-<day>.jsonl`, one for each of the two nights: cpf, nome, email, telefone, regiao. `atendimentos-<day>-<canal>.jsonl`:
    three of four channels a night, each with its own way of writing a cpf. On the third day all four channels land, and each file
    breaks the contract in another way from its middle on. On the fourth, one good file lands.
    """
    rng = np.random.default_rng(seed)
    people = _people(rng, _SCALE[size])
    step = int(rng.integers(1_000, 40_000_000)) * 2 + 1
    numbers = (number * step % 2**26 for number in itertools.count(int(rng.integers(0, 2**26))))  # an odd step meets each number once
    nights = [[str(each) for each in rng.permutation(pools.CHANNELS)[:_CHANNELS_A_NIGHT]] for _ in _TICKETS]
    tickets: list[Ticket] = []
    for night, channels in enumerate(nights):
        known = [index for index, person in enumerate(people) if person.night <= night]
        tickets += _tickets(rng, people, known, night, channels, _TICKETS[night] * _SCALE[size], numbers)
    known = list(range(len(people)))
    spare = _tickets(rng, people, known, 3, ["site"], _SPARE_TICKETS * _SCALE[size], numbers)
    fourth = [ticket for name in pools.CHANNELS for ticket in _tickets(rng, people, known, 2, [name], _SPARE_TICKETS, numbers)]
    drifts = dict(zip((_file(DAYS[2], name) for name in pools.CHANNELS), map(str, rng.permutation(DRIFTS)), strict=True))

    landed = {f"clientes-{DAYS[night]}.jsonl": _customer_lines(rng, people, night) for night in range(len(nights))}
    for ticket in (*tickets, *spare, *fourth):
        landed.setdefault(ticket.file, []).append(_line(people[ticket.person], ticket))
    for name, drift in drifts.items():
        landed[name] = _drifted({each.cpf: each.email for each in people}, landed[name], drift)
    files = tuple(
        (f"clientes-{DAYS[night]}.jsonl", *sorted(_file(DAYS[night], each) for each in names)) for night, names in enumerate(nights)
    )
    ledger = ServiceDesk(seed, tuple(people), tuple(tickets), files, spare[0].file, drifts)
    return Generated({name: "".join(landed[name]).encode() for name in sorted(landed)}, ledger)


def dotted(cpf: str) -> str:
    """Write eleven digits as people write a cpf."""
    return f"{cpf[:3]}.{cpf[3:6]}.{cpf[6:9]}-{cpf[9:]}"


def phone_spellings(digits: str) -> tuple[str, ...]:
    """Give the three ways in which the service desk writes a telephone number."""
    area, first, last = digits[:2], digits[2:7], digits[7:]
    return f"({area}) {first}-{last}", f"{area} {first}-{last}", digits


def _people(rng: np.random.Generator, scale: int) -> list[Person]:
    """Make the customers; the first two have one name, and all cpfs are out of one block, so that a cpf can be guessed."""
    count = sum(_CUSTOMERS) * scale
    block = BLOCK * scale
    start = int(rng.integers(100_000, 900_000)) * BLOCK
    cpfs = [_digits(pools.invalid_cpf(start + number)) for number in rng.choice(block, count, replace=False).tolist()]
    people: list[Person] = []
    for index, (cpf, phone) in enumerate(zip(cpfs, rng.choice(100_000 * len(_AREA_CODES), count, replace=False).tolist(), strict=True)):
        first, last = str(rng.choice(pools.FIRST_NAMES)), str(rng.choice(pools.LAST_NAMES))
        nome = people[_LEAVER].nome if index == _NAMESAKE else f"{first} {last}"
        address = f"{pools.plain(nome).replace(' ', '.')}{index + 1}@example.com"
        telefone = f"{_AREA_CODES[phone // 100_000]}9000{phone % 100_000:05d}"
        night = 0 if index < _CUSTOMERS[0] * scale else 1
        people.append(Person(cpf, nome, address, telefone, str(rng.choice(list(pools.REGIONS))), night))
    return people


def _tickets(  # noqa: PLR0913, PLR0917 - who, when, where and how many
    rng: np.random.Generator, people: list[Person], known: list[int], night: int, channels: list[str], count: int, numbers: Iterator[int]
) -> list[Ticket]:
    """Make the tickets of one night, the leaver's and the namesake's first: one in each channel."""
    tickets = []
    for index in range(count):
        forced = index // len(channels) if night < len(_TICKETS) else len(known)
        person = forced if forced in {_LEAVER, _NAMESAKE} else int(rng.choice(known))
        number = next(numbers)
        channel = channels[index % len(channels)]
        pieces = _pieces(rng, people[person], index // len(channels), number)
        minutes = float(rng.integers(2, 240)) / 2
        tickets.append(Ticket(f"T{number:08d}", person, night, _file(DAYS[night], channel), DAYS[night], channel, minutes, pieces))
    return tickets


def _pieces(rng: np.random.Generator, person: Person, index: int, number: int) -> tuple[Piece, ...]:
    """Write one text: an opening, and what somebody added in one of seven ways, in turn, so that none is ever absent."""
    cents = int(rng.integers(100_000, 999_999))
    amount = f"R$ {cents // 100_000}.{cents // 100 % 1_000:03d},{cents % 100:02d}"
    order, barcode, protocol = f"A{number:08d}", f"789{int(rng.integers(0, 10**10)):010d}", f"2026-{number % 1_000_000:06d}"
    openings: tuple[tuple[Piece, ...], ...] = (
        (("", f"Pede o estorno de {amount} do pedido {order}."),),
        (("", "Cliente "), ("nome", person.nome), ("", f" recebeu o produto {barcode} com defeito, pedido {order}.")),
        (("", f"Reclama do prazo, protocolo {protocol}, produto {barcode}."),),
    )
    phones = phone_spellings(person.telefone)
    additions: tuple[tuple[Piece, ...], ...] = (
        (("", " Informou CPF "), ("cpf", dotted(person.cpf)), ("", ".")),
        (("", " CPF: "), ("cpf", person.cpf), ("", f", protocolo {protocol}.")),
        (("", " Responder para "), ("email", person.email), ("", ", por favor.")),
        (("", " Ligar para "), ("telefone", phones[0]), ("", " depois das 18h.")),
        (("", " Tel. "), ("telefone", phones[1]), ("", " ou "), ("email", person.email), ("", ".")),
        (("", " WhatsApp "), ("telefone", phones[2]), ("", ", falar com "), ("nome", person.nome), ("", ".")),
        (("", f" Valor conferido: {amount}."),),
    )
    return openings[index % len(openings)] + additions[index % len(additions)]


def _file(day: str, channel: str) -> str:
    return f"atendimentos-{day}-{channel}.jsonl"


def _customer_lines(rng: np.random.Generator, people: list[Person], night: int) -> list[str]:
    lines = [
        _json(cpf=dotted(each.cpf), nome=each.nome, email=each.email, telefone=phone_spellings(each.telefone)[0], regiao=each.regiao)
        for each in people
        if each.night == night
    ]
    return [lines[index] for index in rng.permutation(len(lines)).tolist()]


def _line(person: Person, ticket: Ticket) -> str:
    cpf = person.cpf if ticket.canal in BARE_CHANNELS else dotted(person.cpf)
    when = f"{ticket.dia}T{8 + int(ticket.atendimento_id[1:]) % 12:02d}:30:00-03:00"
    return _json(atendimento_id=ticket.atendimento_id, cpf=cpf, canal=ticket.canal, ts=when, minutos=ticket.minutos, texto=ticket.text)


def _drifted(emails: Mapping[str, str], lines: list[str], drift: str) -> list[str]:
    """Break the contract in one way in the second half of a file."""
    whole = len(lines) // 2
    return lines[:whole] + [_broken(emails, json.loads(line), drift) for line in lines[whole:]]


def _broken(emails: Mapping[str, str], row: dict[str, object], drift: str) -> str:
    if drift == "added":
        row["contato"] = emails[_digits(str(row["cpf"]))]
    if drift == "renamed":
        row = {"documento" if name == "cpf" else name: value for name, value in row.items()}
    if drift == "retyped":
        row["minutos"] = f"{row['minutos']}".replace(".", ",")
    if drift == "missing":
        row["cpf"] = None
    return _json(**row)


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit())


def _json(**values: object) -> str:
    return json.dumps(values, ensure_ascii=False) + "\n"
