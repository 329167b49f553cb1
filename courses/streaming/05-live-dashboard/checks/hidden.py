"""What a submission is checked on after it was handed in: six properties of a live dashboard, on a stream that nobody has seen.

Time is part of the script, so nothing depends on how fast a machine is. One script looks at the screen every second of a minute
(`lag`, and the ages of `fresh`), one takes snapshots at chosen moments (`sums`, `torn`, `stale`, ages again), and two look at the
screens of two shops within five seconds (`kept`).
"""

import json
from bisect import bisect_left
from collections import Counter
from datetime import datetime, timedelta
from random import Random
from typing import Any

from dataflow_hub.datagen.ticks import KINDS, LATE, RESUMED, SILENT, TICK_SECONDS
from dataflow_hub.grading.cases import Case, hidden
from dataflow_hub.grading.scenario import Step
from dataflow_kernels.checks import Outcome, Text

WRITTEN_SECONDS = 3.5  # after a file's first instant its batch is committed
MINUTE = range(4, 60)
LARGEST_LAG, AGE_ERROR, CENT = 10.0, 1.0, 0.011
LATE_END, SILENT_FIRST = max(n for n, kind in enumerate(KINDS) if kind == LATE), KINDS.index(SILENT)
RESUMED_FIRST = KINDS.index(RESUMED)
HALF, BETWEEN = 5, 6  # the files during which the snapshot is taken
CALM = ("calm", "whole", "late", "quiet", "silence", "resumed")  # moments at which nobody writes and there is something to see
QUIET, SILENCE = 13, 17  # seconds after the last arrival: still live, surely stale
NEVER = Text("Many never come to the screen.", "Muitas nunca chegam à tela.")
READ, CLOCKS = "4 · Challenge / Desafio", "2 · Worked example / Exemplo resolvido"


def scenario(rng: Random, batches: dict[str, bytes]) -> list[Step]:
    """Play the minute; then the moments; then two shops side by side."""
    del rng
    names = sorted(batches)
    start = datetime.fromisoformat(json.loads(batches[names[0]].split(b"\n", 1)[0])["ts_ingestao"])

    def publish(first: int, last: int, *parts: str) -> list[list[Any]]:
        return [
            ["publish", names[n], _at(start, n * TICK_SECONDS + WRITTEN_SECONDS), *([parts] if parts else [])]
            for n in range(first, last + 1)
        ]

    def look(label: str, seconds: float) -> list[Any]:
        return ["dashboard", label, _at(start, seconds)]

    return [
        _play("minute", _minute(start, publish(0, len(names) - 1))),
        _play("moments", _moments(start, names, publish)),
        _play("shop", [*publish(0, 2), look("+0", 8), *publish(3, 3), look("+2", 10), look("+4", 12)]),
        _play("sister", [*publish(0, 1), look("sister", 12.5)]),
    ]


def _minute(start: datetime, published: list[list[Any]]) -> list[list[Any]]:
    looks = [["dashboard", f"{second}", _at(start, second)] for second in MINUTE]
    return sorted([*published, *looks], key=lambda each: datetime.fromisoformat(each[2]))


def _moments(start: datetime, names: list[str], publish: Any) -> list[list[Any]]:
    def look(label: str, seconds: float, *more: str) -> list[Any]:
        return ["snapshot", label, _at(start, seconds), *more]

    last = LATE_END * TICK_SECONDS + TICK_SECONDS  # the last arrival before the silence, but for a millisecond
    return [
        look("empty", 0),
        *publish(0, HALF - 1), look("calm", HALF * 2 + 2),
        *publish(HALF, HALF, "bronze", "vendas"), look("half", HALF * 2 + 3.6),
        *publish(HALF, HALF, "lotes"), look("whole", HALF * 2 + 3.8),
        look("between", BETWEEN * 2 + 3.5, names[BETWEEN]),
        *publish(BETWEEN + 1, LATE_END), look("late", last + 2),
        *publish(SILENT_FIRST, SILENT_FIRST + 4), look("quiet", last + QUIET),
        *publish(SILENT_FIRST + 5, SILENT_FIRST + 6), look("silence", last + SILENCE),
        *publish(SILENT_FIRST + 7, RESUMED_FIRST), look("resumed", RESUMED_FIRST * 2 + 4),
    ]  # fmt: skip


def _play(name: str, script: list[list[Any]]) -> Step:
    listed = [[list(part) if isinstance(part, tuple) else part for part in each] for each in script]
    places = {"landing": "{landing}", "root": f"{{lake}}/{name}", "out": f"{{lake}}/views_{name}"}
    return Step("play", {"script": listed, **places}, snapshot=name)


@hidden("dash.sums")
def sums(case: Case) -> Outcome:
    """When nobody writes, a snapshot names the newest batch and holds the numbers of all."""
    views = _views(case, "moments")
    wanted = {"calm": HALF, "whole": HALF + 1, "late": LATE_END + 1, "resumed": RESUMED_FIRST + 1}
    wrong = [label for label, lote in wanted.items() if _lote(views.get(label)) != lote or _differs(case, views[label])]
    return Outcome(
        score=0 if wrong else 1,
        expected=Text(
            f"The numbers of all complete batches at {len(wanted)} moments.",
            f"Os números de todos os lotes completos em {len(wanted)} momentos.",
        ),
        found=Text(f"{len(wrong)} of them differ.", f"{len(wrong)} deles diferem."),
        hint=Text("Which tables do your numbers come from?", "De que tabelas vêm os seus números?"),
        read=READ,
    )


@hidden("dash.torn")
def torn(case: Case) -> Outcome:
    """With a writer between two tables, and with one that commits during the read, numbers are those of the batch that is named."""
    views = _views(case, "moments")
    allowed = {"half": {HALF}, "between": {BETWEEN, BETWEEN + 1}}
    wrong = [label for label, lotes in allowed.items() if _lote(views.get(label)) not in lotes or _differs(case, views[label])]
    return Outcome(
        score=0 if wrong else 1,
        expected=Text(
            "Number, total and parts of one and the same state, wherever the writer is.",
            "Número, total e partes de um mesmo estado, onde quer que esteja quem grava.",
        ),
        found=Text(f"They do not belong together at {len(wrong)} of 2 moments.", f"Não combinam em {len(wrong)} de 2 momentos."),
        hint=Text(
            "What does the other table hold when you open it second? Which of its batches may you count?",
            "O que a outra tabela contém quando você a abre em segundo lugar? Quais dos seus lotes você pode contar?",
        ),
        read="5 · Break it / Quebre",
    )


@hidden("dash.fresh")
def fresh(case: Case) -> Outcome:
    """The age is the time since the newest arrival among what is shown, in every view of the minute and of the calm moments."""
    views = [*_views(case, "minute").values(), *(view for label, view in _views(case, "moments").items() if label in CALM)]
    told = [(view, _newest(case, view)) for view in views]
    wrong = sum(not _is_age(view, newest) for view, newest in told)
    return Outcome(
        score=0 if wrong or not told else 1,
        expected=Text(
            f"In {len(told)} views, the seconds since the newest sale that is shown arrived.",
            f"Em {len(told)} olhadas, os segundos desde a chegada da venda mais nova que é mostrada.",
        ),
        found=Text(f"{wrong} of them tell another age.", f"{wrong} delas dizem outra idade."),
        hint=Text(
            "Late sales, wrong watches, batches without a sale: which clock is right in all? And while a snapshot is kept?",
            "Vendas atrasadas, relógios errados, lotes sem venda: que relógio acerta em todos? E com o retrato guardado?",
        ),
        read=CLOCKS,
    )


@hidden("dash.stale")
def stale(case: Case) -> Outcome:
    """Nothing yet: stale; late news: live; 13 s of silence: live; 17 s: stale, though empty batches come; sales again: live."""
    views = _views(case, "moments")
    words = {"empty": "stale", "calm": "live", "late": "live", "quiet": "live", "silence": "stale", "resumed": "live"}
    wrong = [label for label, word in words.items() if views.get(label, {}).get("status") != word]
    return Outcome(
        score=0 if wrong else 1,
        expected=Text(
            "Stale before the first sale and after 15 s of silence, live at all other times.",
            "Stale antes da primeira venda e depois de 15 s de silêncio, live em todos os outros momentos.",
        ),
        found=Text(
            f"{len(wrong)} of {len(words)} moments have the other word.", f"{len(wrong)} de {len(words)} momentos têm a outra palavra."
        ),
        hint=Text("What still moves when the source has stopped?", "O que ainda se mexe quando a fonte parou?"),
        read=CLOCKS,
    )


@hidden("dash.lag")
def lag(case: Case) -> Outcome:
    """Ninety-five of a hundred sales are on the screen within ten seconds of their arrival."""
    lags = _lags(case)
    p95 = sorted(lags)[int(0.95 * len(lags))] if lags else float("inf")
    return Outcome(
        score=1 if p95 <= LARGEST_LAG else 0,
        expected=Text("95 of 100 sales on the screen within 10 s.", "95 de cada 100 vendas na tela em até 10 s."),
        found=Text(f"They need {p95:.1f} s.", f"Elas precisam de {p95:.1f} s.") if p95 < float("inf") else NEVER,
        hint=Text("When does your dashboard read again?", "Quando o seu painel lê de novo?"),
        read=READ,
    )


@hidden("dash.kept")
def kept(case: Case) -> Outcome:
    """Four seconds after it was read a snapshot still serves, though a batch came; another shop has its own."""
    views, sister = _views(case, "shop"), _views(case, "sister")
    lotes = [_lote(views.get(f"+{seconds}")) for seconds in (0, 2, 4)]
    own = _lote(sister.get("sister")) == 2
    return Outcome(
        score=1 if lotes == [3, 3, 3] and own else 0,
        expected=Text("The same batch for 5 s, for each shop its own.", "O mesmo lote por 5 s, para cada loja o seu."),
        found=Text(
            f"{len(set(lotes))} different batches within 4 s; the other shop has {'its own' if own else 'not its own'}.",
            f"{len(set(lotes))} lotes diferentes em 4 s; a outra loja {'tem' if own else 'não tem'} o seu.",
        ),
        hint=Text(
            "How often do 200 viewers read the lake? Whose snapshot do you keep?",
            "Quantas vezes 200 espectadores leem o lake? De quem é o retrato que você guarda?",
        ),
        read=READ,
    )


def _at(start: datetime, seconds: float) -> str:
    return (start + timedelta(seconds=seconds)).isoformat()


def _views(case: Case, name: str) -> dict[str, dict[str, Any]]:
    """Give what was seen in one script by its label; what is no object is an empty one."""
    columns = {"label": ("string",), "now": ("string",), "view": ("string",)}
    rows = case.bench(name).read(f"views_{name}", columns).to_pylist()
    found = {}
    for row in rows:
        try:
            view = json.loads(row["view"])
        except (ValueError, TypeError, RecursionError):
            view = None
        found[row["label"]] = {**view, "now": row["now"]} if isinstance(view, dict) else {"now": row["now"]}
    return found


def _lote(view: dict[str, Any] | None) -> int | None:
    """Give the batch that a view names, if it is a number of one."""
    lote = (view or {}).get("lote")
    return int(lote) if _is_number(lote) and lote in range(1, len(KINDS) + 1) else None


def _differs(case: Case, view: dict[str, Any]) -> bool:
    """Tell whether the numbers of a view are not those of all batches up to the one that it names."""
    ticks = case.ledger.ticks[: _lote(view) or 0]
    totals, count = sum((each.totals for each in ticks), Counter()), sum(each.counts.total() for each in ticks)
    parts = view.get("por_canal")
    if not isinstance(parts, dict) or parts.keys() != totals.keys() or not all(map(_is_number, [*parts.values(), view.get("total")])):
        return True
    return (
        view.get("eventos") != count
        or not abs(view["total"] - totals.total() / 100) < CENT
        or any(not abs(parts[name] - cents / 100) < CENT for name, cents in totals.items())
    )


def _newest(case: Case, view: dict[str, Any]) -> datetime | None:
    return max((moment for each in case.ledger.ticks[: _lote(view) or 0] for moment in each.arrivals), default=None)


def _is_age(view: dict[str, Any], newest: datetime | None) -> bool:
    age = view.get("age_seconds")
    if newest is None or not _is_number(age):
        return False
    return abs(age - (datetime.fromisoformat(view["now"]) - newest).total_seconds()) < AGE_ERROR


def _lags(case: Case) -> list[float]:
    """Give for each sale before the silence how long after its arrival the screen showed it; infinite when it never did."""
    views = [(datetime.fromisoformat(view["now"]), _lote(view) or 0) for view in _views(case, "minute").values()]
    views.sort()
    shown = [max(lote for _, lote in views[: n + 1]) for n in range(len(views))]
    lags = []
    for number, tick in enumerate(case.ledger.ticks[:SILENT_FIRST], 1):
        first = bisect_left(shown, number)
        lags += [(views[first][0] - moment).total_seconds() if first < len(views) else float("inf") for moment in tick.arrivals]
    return lags


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
