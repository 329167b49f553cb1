"""What a student can check while working: the typed columns, one row an order, a reason for each quarantined row."""

import io
import json
import re
import unicodedata
from collections import Counter
from typing import Any

import pyarrow.parquet as pq

from dataflow_kernels.checks import Bench, Outcome, Text, visible

LESSON = "02-silver"
ONE, ALL, QUARANTINE = "silver/one_batch", "silver/pedidos", "silver/quarantine"
REGIONS = {"São Paulo", "Rio de Janeiro", "Minas Gerais", "Bahia", "Paraná", "Ceará", "Pará", "Goiás"}
REASONS = ("not_json", "unreadable", "bad_currency", "future_event", "negative_amount")
TIMES = ("timestamp", "timestamp_ntz")
COLUMNS = {
    "pedido_id": ("string",),
    "versao": ("integer", "long", "short"),
    "cliente_id": ("string",),
    "produto_id": ("string",),
    "categoria": ("string",),
    "regiao": ("string",),
    "valor": ("decimal(12,2)",),
    "moeda": ("string",),
    "canal": ("string",),
    "ts_evento": TIMES,
    "batch": ("string",),
}
MAY_BE_NULL = ("categoria", "canal")


@visible("silver.types")
def types(bench: Bench) -> Outcome:
    """The three columns that were missing have their type, and a plausible value in each row that is JSON."""
    found = bench.types(ONE)
    wrong = [
        {"column": name, "expected": COLUMNS[name][0], "found": found.get(name, "—"), "raw": ""}
        for name in ("valor", "regiao", "ts_evento")
        if found.get(name) not in COLUMNS[name]
    ]
    right = [name for name in ("valor", "regiao", "ts_evento") if found.get(name) in COLUMNS[name]]
    rows = bench.read(ONE, {"raw": ("string",), **{name: COLUMNS[name] for name in right}}).to_pylist() if right else []
    lines = [(row, line) for row in rows if (line := _parsed(row["raw"])) is not None]
    for name in right:
        odd = [(row, line) for row, line in lines if not _PLAUSIBLE[name](row[name], line)]
        if odd or not lines:
            row, line = odd[0] if odd else ({}, {})
            told = f"{len(odd)} are not, such as {row.get(name)!r}"
            wrong.append({"column": name, "expected": f"{len(lines)} good values", "found": told, "raw": repr(_landed(line, name))})
    return Outcome(
        score=max(0, 3 - len(wrong)) / 3,
        expected=Text(
            "valor, regiao and ts_evento with their types, and in each row what its line says.",
            "valor, regiao e ts_evento com os seus tipos e, em cada linha, o que o texto diz.",
        ),
        found=Text(f"{3 - len(wrong)} of 3 columns are right.", f"{3 - len(wrong)} de 3 colunas estão certas."),
        hint=Text(
            "Look at one such line in `raw`, then at what your expression makes of it.",
            "Veja uma dessas linhas em `raw` e depois o que a sua expressão faz com ela.",
        ),
        read="3 · Guided exercise / Exercício guiado",
        rows=tuple(wrong),
    )


@visible("silver.key")
def key(bench: Bench) -> Outcome:
    """The table has the columns of the task, one row an order, and nulls only where the task allows them."""
    found = bench.types(ALL)
    wrong = [
        {"what": f"type of {name}", "expected": accepted[0], "found": found.get(name, "—")}
        for name, accepted in COLUMNS.items()
        if found.get(name) not in accepted
    ]
    data = bench.read(ALL, {name: accepted for name, accepted in COLUMNS.items() if found.get(name) in accepted})
    wrong += [
        {"what": f"nulls in {name}", "expected": "0", "found": str(data[name].null_count)}
        for name in data.column_names
        if name not in MAY_BE_NULL and data[name].null_count
    ]
    orders = Counter(data["pedido_id"].to_pylist()) if "pedido_id" in data.column_names else Counter()
    wrong += [{"what": f"rows of {name}", "expected": "1", "found": str(count)} for name, count in orders.items() if count > 1]
    regions = set(data["regiao"].unique().to_pylist()) - REGIONS if "regiao" in data.column_names else set()
    wrong += [{"what": "region", "expected": "a name of REGIONS", "found": ascii(name)} for name in regions if name is not None]
    landed = {line["pedido_id"] for raw, *_ in _bronze(bench) if (line := _parsed(raw))}
    enough = len(orders) > len(landed) / 2
    return Outcome(
        score=0 if wrong or not enough else 1,
        expected=Text(
            "One row for each order that has a usable version, with the columns and types of the task.",
            "Uma linha para cada pedido que tem uma versão utilizável, com as colunas e os tipos do enunciado.",
        ),
        found=Text(
            f"{data.num_rows} rows, {len(orders)} orders (Bronze has {len(landed)}); {len(wrong)} findings.",
            f"{data.num_rows} linhas, {len(orders)} pedidos (a Bronze tem {len(landed)}); {len(wrong)} problemas.",
        ),
        hint=Text(
            "Two rows for one order: what happens when its second version arrives? Compare `printSchema()` with the table in the task.",
            "Duas linhas para um pedido: o que acontece quando chega a segunda versão? Compare `printSchema()` com a tabela do enunciado.",
        ),
        read="4 · Challenge / Desafio",
        rows=tuple(wrong),
    )


@visible("silver.reasons")
def reasons(bench: Bench) -> Outcome:
    """Each quarantined row has a reason of the five, is a row of Bronze, and is there once; broken lines are among them."""
    rows = bench.read(QUARANTINE, dict.fromkeys(("raw", "reason", "batch"), ("string",))).to_pylist()
    bronze = {(batch, raw): corrupt for raw, corrupt, batch in _bronze(bench)}
    keys = Counter((row["batch"], row["raw"]) for row in rows)
    wrong = [_odd(row, "one of the five reasons") for row in rows if row["reason"] not in REASONS]
    wrong += [_odd(row, "a line of that batch") for row in rows if (row["batch"], row["raw"]) not in bronze]
    wrong += [_odd(row, "once") for row in rows if keys[row["batch"], row["raw"]] > 1]
    wrong += [
        _odd(row, "not_json for broken lines, and for no other")
        for row in rows
        if (row["reason"] == "not_json") != bronze.get((row["batch"], row["raw"]), row["reason"] == "not_json")
    ]
    absent = [each for each, corrupt in bronze.items() if corrupt and each not in keys]
    wrong += [_odd({"batch": batch, "raw": raw, "reason": "—"}, "a row in quarantine") for batch, raw in absent]
    told = ", ".join(f"{reason} {count}" for reason, count in Counter(str(row["reason"]) for row in rows).most_common(8))
    return Outcome(
        score=0 if wrong or not rows else 1,
        expected=Text(
            "Each row in quarantine has one of the five reasons, and is there once; every broken line is there.",
            "Cada linha em quarentena tem um dos cinco motivos e aparece uma vez; toda linha quebrada está lá.",
        ),
        found=Text(f"{len(rows)} rows ({told}); {len(wrong)} findings.", f"{len(rows)} linhas ({told}); {len(wrong)} problemas."),
        hint=Text(
            "Compare the words with the table of reasons; the key of the quarantine is (batch, raw).",
            "Compare as palavras com a tabela de motivos; a chave da quarentena é (batch, raw).",
        ),
        read="4 · Challenge / Desafio",
        rows=tuple(wrong),
    )


def _odd(row: dict[str, Any], expected: str) -> dict[str, str]:
    return {"batch": str(row["batch"]), "reason": str(row["reason"]), "expected": expected, "raw": str(row["raw"])[:80]}


def _bronze(bench: Bench) -> list[tuple[str, bool, str]]:
    """Give raw, corrupt and batch of every row that landed."""
    tables = [pq.read_table(io.BytesIO(content), columns=["raw", "corrupt", "batch"]) for content in bench.landing().values()]
    return [(row["raw"], row["corrupt"], row["batch"]) for table in tables for row in table.to_pylist()]


def _parsed(raw: Any) -> dict[str, Any] | None:
    try:
        return dict(json.loads(str(raw)))
    except (ValueError, TypeError):
        return None


def _landed(line: dict[str, Any], name: str) -> Any:
    """Give what a line says in the place of a column."""
    values = {unicodedata.normalize("NFC", key): value for key, value in line.items()}
    return values.get({"regiao": "região"}.get(name, name))


def _same_amount(value: Any, line: dict[str, Any]) -> bool:
    """Digits, sign and size agree, whatever the notation."""
    text = line["valor"] if isinstance(line["valor"], str) else f"{line['valor']:.2f}"
    return value is not None and int(value * 100) == int(re.sub(r"[.,]", "", text))


_PLAUSIBLE = {
    "valor": _same_amount,
    "regiao": lambda value, _: value in REGIONS,
    "ts_evento": lambda value, _: value is not None,
}


# Checked after submission, on data that you have not seen.
PROMISES = {
    "silver.accounting": (
        "silver + quarantine + dropped = bronze: no row is lost, none is there twice",
        "silver + quarentena + descartadas = bronze: nenhuma linha se perde, nenhuma se repete",
    ),
    "silver.quarantine": (
        "the unusable rows, and only they, are in quarantine, each for the right reason",
        "as linhas inutilizáveis, e só elas, estão em quarentena, cada uma pelo motivo certo",
    ),
    "silver.amounts": (
        "the sum of valor is right to 0.01",
        "a soma de valor está certa até 0,01",
    ),
    "silver.refunds": (
        "refunds are kept, and stay negative",
        "os estornos ficam, e continuam negativos",
    ),
    "silver.regions": (
        "one spelling for each region",
        "uma única grafia para cada região",
    ),
    "silver.times": (
        "each event at its instant, whatever its time zone",
        "cada evento no seu instante, seja qual for o fuso",
    ),
    "silver.fields": (
        "what needs no rule is as it landed; unknown stays null",
        "o que não precisa de regra está como chegou; o desconhecido continua nulo",
    ),
    "silver.newest": (
        "the newest usable version wins, in any order of arrival",
        "vence a versão utilizável mais nova, em qualquer ordem de chegada",
    ),
    "silver.rerun": (
        "refining a batch again changes nothing",
        "refinar um lote de novo não muda nada",
    ),
    "silver.recovery": (
        "recovery after a run that died between the two tables",
        "recuperação depois de uma execução que morreu entre as duas tabelas",
    ),
}
