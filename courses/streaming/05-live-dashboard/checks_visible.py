"""What a student can check while working: the age of the data batch by batch, and what the screen showed during the minute."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import reduce
from typing import Any

from dataflow_kernels.checks import Bench, Outcome, Text, visible

LESSON = "05-live-dashboard"
AGES, VIEWS = "live/ages", "live/views"
TICK, WRITTEN, LIMIT = 2, 3.5, 15  # seconds
CENT = 0.011


@visible("dash.age")
def age(bench: Bench) -> Outcome:
    """The age after each batch is the time since the newest arrival; the word beside it follows from it."""
    table = bench.read(AGES, {"lote": ("long",), "age": ("double",), "status": ("string",)})
    found = {row["lote"]: row for row in table.to_pylist()}
    newest, wrong = None, []
    arrivals = batches(bench)
    begin = min(moment for batch in arrivals for moment in batch.values())
    for lote, batch in enumerate(arrivals, 1):
        newest = max([*batch.values(), *([newest] if newest else [])])
        expected = (begin + timedelta(seconds=TICK * (lote - 1) + WRITTEN) - newest).total_seconds()
        row = found.get(lote, {"age": None, "status": "—"})
        if row["age"] is None or not abs(row["age"] - expected) < 0.5 or row["status"] != word(expected):
            wrong.append({"lote": str(lote), "expected": f"{expected:.1f} {word(expected)}", "found": f"{row['age']} {row['status']}"})
    return Outcome(
        score=0 if wrong else 1,
        expected=Text(
            f"The age in seconds after each of {len(arrivals)} batches.",
            f"A idade em segundos depois de cada um dos {len(arrivals)} lotes.",
        ),
        found=Text(f"{len(wrong)} differ.", f"{len(wrong)} diferem."),
        hint=Text(
            "Which curve of the picture rises only while nothing arrives? A batch without a sale has no arrival.",
            "Qual curva da figura sobe só enquanto nada chega? Um lote sem venda não tem chegada.",
        ),
        rows=tuple(wrong[:5]),
        read="3 · Guided exercise / Exercício guiado",
    )


@visible("dash.page")
def page(bench: Bench) -> Outcome:
    """Each view holds the numbers of its batch and the age of then; at the end every sale is there."""
    table = bench.read(VIEWS, {"label": ("string",), "now": ("string",), "view": ("string",)}).to_pylist()
    sums = running(bench)
    wrong = []
    for row in table:
        view = json.loads(row["view"])
        expected = sums.get(view.get("lote") if isinstance(view, dict) else None)
        if expected is None or differs(view, expected, datetime.fromisoformat(row["now"])):
            told = f"{view.get('eventos')} / {view.get('total')}" if isinstance(view, dict) and "error" not in view else str(view)
            wanted = f"{expected['eventos']} / {expected['total']:.2f}" if expected else "a complete batch"
            wrong.append({"view": row["label"], "expected": wanted, "found": told})
    done = table and json.loads(table[-1]["view"]).get("lote") == max(sums)
    return Outcome(
        score=0 if wrong or not done else 1,
        expected=Text(
            f"{len(table)} views: numbers of all batches up to `lote`, parts that add up, the age of then.",
            f"{len(table)} olhadas: números de todos os lotes até `lote`, partes que somam o total, a idade do momento.",
        ),
        found=Text(f"{len(wrong)} of them differ.", f"{len(wrong)} delas diferem."),
        hint=Text(
            "Compare one row with the table `lotes`: add up its `total` to that batch.",
            "Compare uma linha com a tabela `lotes`: some os `total` até aquele lote.",
        ),
        rows=tuple(wrong[:5]),
        read="4 · Challenge / Desafio",
    )


def sales(bench: Bench) -> list[dict[str, dict[str, Any]]]:
    """Give the sales of each landed file by their ids."""
    return [
        {row["venda_id"]: row for row in map(json.loads, content.decode().splitlines())} for _, content in sorted(bench.landing().items())
    ]


def batches(bench: Bench) -> list[dict[str, datetime]]:
    """Give the arrivals of each landed file."""
    return [{name: datetime.fromisoformat(row["ts_ingestao"]) for name, row in batch.items()} for batch in sales(bench)]


def running(bench: Bench) -> dict[int, dict[str, Any]]:
    """Give what is true after each batch: number, total, parts, newest arrival."""

    def add(so_far: dict[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
        parts = {**so_far["por_canal"], row["canal"]: so_far["por_canal"].get(row["canal"], 0.0) + row["valor"]}
        newest = max(so_far["newest"], datetime.fromisoformat(row["ts_ingestao"]))
        return {"eventos": so_far["eventos"] + 1, "total": so_far["total"] + row["valor"], "por_canal": parts, "newest": newest}

    state: dict[str, Any] = {"eventos": 0, "total": 0.0, "por_canal": {}, "newest": datetime.fromisoformat("2000-01-01T00:00:00+00:00")}
    states = {}
    for lote, batch in enumerate(sales(bench), 1):
        state = reduce(add, batch.values(), state)
        states[lote] = state
    return states


def differs(view: dict[str, Any], truth: dict[str, Any], now: datetime) -> bool:
    """Tell whether a view says something else than what is true of its batch at that time."""
    parts, age_seconds = view.get("por_canal"), view.get("age_seconds")
    expected = (now - truth["newest"]).total_seconds()
    numbers = (view.get("total"), age_seconds, *(parts.values() if isinstance(parts, dict) else [None]))
    if not all(isinstance(number, int | float) for number in numbers) or not isinstance(parts, dict):
        return True
    return (
        view.get("eventos") != truth["eventos"]
        or not abs(view["total"] - truth["total"]) < CENT
        or parts.keys() != truth["por_canal"].keys()
        or any(not abs(parts[name] - part) < CENT for name, part in truth["por_canal"].items())
        or not abs(age_seconds - expected) < 1
        or view.get("status") != word(expected)
    )


def word(seconds: float) -> str:
    """Give the word beside an age."""
    return "stale" if seconds > LIMIT else "live"


# Checked after submission, on data that you have not seen.
PROMISES = {
    "dash.sums": (
        "all complete batches, from gold only",
        "todos os lotes completos, só da gold",
    ),
    "dash.torn": (
        "no torn reads: the numbers belong together although a writer commits in between",
        "nada de leitura rasgada: os números combinam embora alguém faça um commit no meio",
    ),
    "dash.fresh": (
        "the age is that of the newest arrival, also while a snapshot is kept",
        "a idade é a da chegada mais nova, também enquanto um retrato está guardado",
    ),
    "dash.stale": (
        "stale within 15 s when the source stops, and live again when it resumes",
        "stale em 15 s quando a fonte para, e live de novo quando ela volta",
    ),
    "dash.lag": (
        "at 50 sales a second, 95 of 100 are on the screen within 10 s of their arrival",
        "com 50 vendas por segundo, 95 de cada 100 estão na tela em até 10 s da chegada",
    ),
    "dash.kept": (
        "a snapshot serves everybody for 5 seconds, each shop its own",
        "um retrato atende a todos por 5 segundos, cada loja com o seu",
    ),
}
