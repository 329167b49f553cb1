"""What a student can check while working: the keys of one file, and the table of their own events."""

import json
from collections import Counter, defaultdict

from dataflow_kernels.checks import Bench, Outcome, Text, visible

LESSON = "01-events"
KEYS, EVENTS = "streaming/keys", "streaming/events"
COLUMNS = {"partition": ("integer", "long", "short"), "offset": ("long", "integer"), "key": ("string",), "value": ("string",)}


@visible("events.key_of")
def key_of(bench: Bench) -> Outcome:
    """Each line of the first file has its order's id as its key, and a damaged one has none."""
    table = bench.read(KEYS, {"value": ("string",), "key": ("string",)})
    found = Counter(zip(table["value"].to_pylist(), table["key"].to_pylist(), strict=True))
    first = lines(bench, files=1)
    wrong = [
        {"line": line[:60], "expected": key(line) or "null", "found": next((str(k) for v, k in found if v == line), "—")}
        for line in first
        if not found[line, key(line)]
    ]
    return Outcome(
        score=0 if wrong or not table.num_rows else 1,
        expected=Text(
            "The order's id for each event, null for a damaged line.", "O id do pedido em cada evento, nulo numa linha danificada."
        ),
        found=Text(f"{len(wrong)} of {len(first)} lines have another key.", f"{len(wrong)} de {len(first)} linhas têm outra chave."),
        hint=Text("Which field names the order? A key is bytes.", "Que campo identifica o pedido? Uma chave é formada por bytes."),
        read="3 · Guided exercise / Exercício guiado",
        rows=tuple(wrong[:5]),
    )


@visible("events.table")
def table(bench: Bench) -> Outcome:
    """Every line is a row as often as it was landed; each place is there once, and each key in one partition."""
    data = bench.read(EVENTS, COLUMNS)
    rows = list(zip(*(data[name].to_pylist() for name in COLUMNS), strict=True))
    landed, found = Counter(lines(bench)), Counter(value for *_, value in rows)
    missing, added = (landed - found).total(), (found - landed).total()
    places = Counter((partition, offset) for partition, offset, *_ in rows)
    twice = sum(count - 1 for count in places.values())
    homes = defaultdict(set)
    for partition, _, name, _ in rows:
        homes[name].add(partition)
    apart = sum(len(where) > 1 for name, where in homes.items() if name)
    problems = [
        {"problem": "lines without a row / linhas sem registro", "number": str(missing)},
        {"problem": "rows too many / registros a mais", "number": str(added)},
        {"problem": "partition and offset twice / partição e offset repetidos", "number": str(twice)},
        {"problem": "keys in several partitions / chaves em várias partições", "number": str(apart)},
    ]
    return Outcome(
        score=0 if missing or added or twice or apart or not rows else 1,
        expected=Text(f"{landed.total()} rows: one for each line.", f"{landed.total()} registros: um para cada linha."),
        found=Text(f"{len(rows)} rows.", f"{len(rows)} registros."),
        hint=Text(
            "None at all: where does a new group begin? Too few: was all of it acknowledged? Too many: does a second run add rows?",
            "Nenhum: onde começa um grupo novo? De menos: tudo foi confirmado? De mais: uma segunda execução acrescenta linhas?",
        ),
        read="5 · Challenge / Desafio",
        rows=tuple(row for row in problems if row["number"] != "0"),
    )


def lines(bench: Bench, files: int | None = None) -> list[str]:
    """Give the landed lines, file after file; of the first `files` only where that is given."""
    landed = sorted(bench.landing().items())[:files]
    return [line.decode(errors="replace") for _, content in landed for line in content.split(b"\n")[:-1]]


def key(line: str) -> str | None:
    """Give the key that a line should have."""
    try:
        return str(json.loads(line)["pedido_id"])
    except ValueError:
        return None
