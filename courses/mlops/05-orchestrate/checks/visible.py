"""What a student can check while working: how often the store was asked, and what is left of one's own nights."""

import json
from collections import Counter
from itertools import pairwise

from dataflow_kernels.checks import Bench, Outcome, Text, visible

LESSON = "05-orchestrate"
GUIDED, OWN = "mlops/guided", "mlops/own"
WAITS = (0.4, 0.8)
REQUESTS = {"dia": ("string",), "status": ("long",), "em": ("timestamp",)}
SILVER = {"entrega_id": ("string",), "dia": ("string",), "distancia_km": ("double",), "minutos": ("double",)}
PROMOTED = (0, 2, 5)  # the first night, and those with a new district and a sound morning


def _days(bench: Bench) -> list[str]:
    return [name.removeprefix("entregas-").removesuffix(".jsonl") for name in sorted(bench.landing())]


@visible("flow.retries")
def retries(bench: Bench) -> Outcome:
    """After two 503 there was a third request, with growing waits (half the marks); after a 410 there was none (the other half)."""
    table = bench.read(f"{GUIDED}/source/requests", REQUESTS).sort_by("em").to_pylist()
    busy, gone = ([each for each in table if each["dia"] == day] for day in _days(bench)[1:3])
    waits = [(later["em"] - sooner["em"]).total_seconds() for sooner, later in pairwise(busy)]
    backed_off = [each["status"] for each in busy] == [503, 503, 200] and all(
        wait >= least for wait, least in zip(waits, WAITS, strict=False)
    )
    rows = tuple({"status": str(each["status"]), "s": f"{wait:.2f}"} for each, wait in zip(busy[1:], waits, strict=True))
    return Outcome(
        score=(0.5 if len(gone) != 1 else 1) if backed_off else 0,
        expected=Text(
            "503, 503, 200 with waits of at least 0.4 s and 0.8 s; 410 once.",
            "503, 503, 200 com esperas de pelo menos 0,4 s e 0,8 s; 410 uma vez.",
        ),
        found=Text(
            f"{len(busy)} requests with waits of {_seconds(waits)}; {len(gone)} requests for the file that is gone.",
            f"{len(busy)} requisições com esperas de {_seconds(waits)}; {len(gone)} requisições do arquivo que não existe mais.",
        ),
        hint=Text(
            "Three arguments of @task: how often, after how long, and for which errors.",
            "Três argumentos de @task: quantas vezes, depois de quanto tempo e para quais erros.",
        ),
        read="3 · Guided exercise / Exercício guiado",
        rows=() if backed_off else rows,
    )


@visible("flow.silver")
def silver(bench: Bench) -> Outcome:
    """Each good delivery of each landed night is there once."""
    landed = Counter()
    for name, content in bench.landing().items():
        lines = {each["entrega_id"]: each for each in map(json.loads, content.decode().splitlines())}
        day = name.removeprefix("entregas-").removesuffix(".jsonl")
        landed.update((day, key) for key, each in lines.items() if each["minutos"] > 0)
    table = bench.read(f"{OWN}/silver/entregas", SILVER)
    found = Counter(zip(table["dia"].to_pylist(), table["entrega_id"].to_pylist(), strict=True))
    there, here = _by_day(landed), _by_day(found)
    return Outcome(
        score=1 if found == landed else 0,
        expected=Text(f"{landed.total()} rows in {len(there)} nights.", f"{landed.total()} linhas em {len(there)} noites."),
        found=Text(f"{found.total()} rows.", f"{found.total()} linhas."),
        hint=Text(
            "Fewer: does a night overwrite another? More: does a second run append?",
            "A menos: uma noite sobrescreve outra? A mais: uma segunda execução acrescenta?",
        ),
        read="4 · Challenge / Desafio",
        rows=tuple(
            {"dia": day, "landed": str(there[day]), "silver": str(here[day])} for day in sorted(there | here) if there[day] != here[day]
        ),
    )


@visible("flow.champion")
def champion(bench: Bench) -> Outcome:
    """The nights of which a model was promoted are those with drift and a better candidate, and the first."""
    days = _days(bench)
    expected = [days[number] for number in PROMOTED]
    table = bench.read(f"{OWN}/models/champion", {"version": ("long",), "dia": ("string",)}).sort_by("version")
    found = [str(day) for day in table["dia"].to_pylist()]
    return Outcome(
        score=1 if found == expected else 0,
        expected=Text(f"Promotions on {len(expected)} nights.", f"Promoções em {len(expected)} noites."),
        found=Text(f"Promotions on: {_list(found)}.", f"Promoções em: {_list(found)}."),
        hint=Text(
            "For each night: is the drift above the limit? Who has the smaller error in the afternoon?",
            "Para cada noite: o drift passa do limite? De quem é o menor erro à tarde?",
        ),
        read="5 · Challenge / Desafio",
    )


def _by_day(rows: Counter) -> Counter:
    days: Counter = Counter()
    for (day, _), times in rows.items():
        days[str(day)] += times
    return days


def _seconds(waits: list[float]) -> str:
    return ", ".join(f"{wait:.2f} s" for wait in waits[:4]) or "—"


def _list(days: list[str]) -> str:
    return ", ".join(days[:9]) or "—"
