"""What a student can check while working: the rows of one file's messages, and the table of all of them."""

import json
from collections import Counter

from dataflow_kernels.checks import Bench, Outcome, Text, visible

LESSON = "02-delta-sink"
SAMPLE, SINK = "streaming/sink_sample", "streaming/sink"
PLACE = {"partition": ("integer", "long"), "offset": ("long", "integer")}
FIELDS = dict.fromkeys(("evento_id", "pedido_id", "tipo"), ("string",))
COLUMNS = {**PLACE, "raw": ("string",), **FIELDS, "valor": ("double",), "reason": ("string",)}


@visible("sink.rows")
def rows(bench: Bench) -> Outcome:
    """Each message of the first file is a row, with its fields, and with a reason where it is no event."""
    table = bench.read(SAMPLE, COLUMNS)
    found = list(zip(*(table[name].to_pylist() for name in COLUMNS), strict=True))
    first = Counter(lines(bench, files=1))
    raws = Counter(row[2] for row in found)
    missing, added = (first - raws).total(), (raws - first).total()
    wrong = [
        {"raw": str(raw)[:70], "reason": str(reason), "evento_id": str(event)}
        for _, _, raw, event, order, kind, amount, reason in found
        if bool(reason) == is_event(raw) or (is_event(raw) and (event, order, kind, amount) != fields(raw))
    ]
    places = len({row[:2] for row in found if None not in row[:2]})
    return Outcome(
        score=0 if missing or added or wrong or places != len(found) or not found else 1,
        expected=Text(
            f"{first.total()} rows, each with its own partition and offset; a reason for damaged messages, and only for these.",
            f"{first.total()} linhas, cada uma com sua partição e seu offset; um motivo para mensagens danificadas, e só para elas.",
        ),
        found=Text(
            f"{len(found)} rows in {places} places; {missing} missing, {len(wrong)} with wrong fields or reason.",
            f"{len(found)} linhas em {places} lugares; faltam {missing}, {len(wrong)} com campos ou motivo errados.",
        ),
        hint=Text(
            "`F.when(condition, text)` is null where the condition does not hold.",
            "`F.when(condição, texto)` é nulo onde a condição não vale.",
        ),
        read="2 · Guided exercise / Exercício guiado",
        rows=tuple(wrong[:5]),
    )


@visible("sink.table")
def table(bench: Bench) -> Outcome:
    """Each landed line is a row as often as it was sent, and no place is there twice."""
    data = bench.read(SINK, {**PLACE, "raw": ("string",), "reason": ("string",)})
    landed, found = Counter(lines(bench)), Counter(data["raw"].to_pylist())
    missing, added = (landed - found).total(), (found - landed).total()
    places = Counter(zip(data["partition"].to_pylist(), data["offset"].to_pylist(), strict=True))
    twice = sum(count - 1 for count in places.values())
    return Outcome(
        score=0 if missing or added or twice or not data.num_rows else 1,
        expected=Text(f"{landed.total()} rows, one for each message.", f"{landed.total()} linhas, uma para cada mensagem."),
        found=Text(
            f"{data.num_rows} rows: {missing} missing, {added} too many, {twice} places twice.",
            f"{data.num_rows} linhas: faltam {missing}, {added} a mais, {twice} lugares repetidos.",
        ),
        hint=Text(
            "Too few: where does the query begin? Too many: does the second run know what the first has done?",
            "A menos: onde a consulta começa? A mais: a segunda execução sabe o que a primeira já fez?",
        ),
        read="4 · Challenge / Desafio",
    )


def lines(bench: Bench, files: int | None = None) -> list[str]:
    """Give the landed lines, file after file; of the first `files` only where that is given."""
    landed = sorted(bench.landing().items())[:files]
    return [line.decode(errors="replace") for _, content in landed for line in content.split(b"\n")[:-1]]


def is_event(raw: str | None) -> bool:
    """Tell whether a message is JSON."""
    try:
        return isinstance(json.loads(raw or ""), dict)
    except ValueError:
        return False


def fields(raw: str) -> tuple[str, str, str, float]:
    """Give the fields of an event as they should be in its row."""
    event = json.loads(raw)
    return event["evento_id"], event["pedido_id"], event["tipo"], float(event["valor"])


# Checked after submission, on data that you have not seen.
PROMISES = {
    "sink.once": (
        "three restarts, each message once",
        "três reinícios, cada mensagem uma vez",
    ),
    "sink.malformed": (
        "damaged messages are kept as they came, with a reason",
        "mensagens danificadas são mantidas como vieram, com um motivo",
    ),
    "sink.refused": (
        "killed before the table's commit: nothing is lost",
        "derrubada antes do commit da tabela: nada se perde",
    ),
    "sink.between": (
        "killed between the table's commit and the checkpoint's: nothing is there twice",
        "derrubada entre o commit da tabela e o do checkpoint: nada fica em dobro",
    ),
    "sink.alone": (
        "each topic's query has its own checkpoint",
        "a consulta de cada tópico tem o seu próprio checkpoint",
    ),
    "sink.lost": (
        "lost data is loud",
        "dado perdido faz barulho",
    ),
}
