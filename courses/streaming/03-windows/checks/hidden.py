"""What a submission is checked on after it was handed in: six properties of a stream, on events that nobody has seen.

Files are delivered in groups, a run of the query after each. One file is overtaken by the next, across a group: `order` looks at the
windows with its events, `counts` and `days` at the others. Only windows that any allowed query has closed are looked at.
"""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from random import Random

from dataflow_hub.grading.cases import Case, hidden
from dataflow_hub.grading.scenario import Step
from dataflow_kernels.checks import Outcome, Text

WINDOWS, ASIDE, CHECKPOINT = "windows", "aside", "checkpoint"
TIME = ("timestamp", "timestamp_ntz")
SECONDS, HOUR = 600, 3_600
STILL_OPEN = 2 * HOUR + SECONDS  # behind the newest event that all but the last run have seen
GROUPS = (4, 9, 3)  # files in each
LARGEST_OFFSETS = 64 * 1024
SAO_PAULO = timezone(timedelta(hours=-3))
READ = "4 · Challenge / Desafio"


def scenario(rng: Random, batches: dict[str, bytes]) -> list[Step]:
    """Deliver the files in three groups, one file too late for its group; run after each, and once more with nothing new."""
    names, groups = sorted(batches), list[list[str]]()
    for size in GROUPS:
        groups.append(names[:size])
        names = names[size:]
    groups[0][-1], groups[1][0] = groups[1][0], groups[0][-1]  # the last of the first group is overtaken
    for group in groups:
        rng.shuffle(group)
    steps = []
    for number, group in enumerate(groups):
        arguments = {"names": group, "landing": "{landing}", "inbox": "{lake}/inbox"}
        steps += [Step("deliver", arguments), _run(snapshot="done" if number == len(GROUPS) - 1 else "")]
    return [*steps, _run(snapshot="again")]


def _run(snapshot: str = "") -> Step:
    tables = {"windows": f"{{lake}}/{WINDOWS}", "aside": f"{{lake}}/{ASIDE}"}
    places = {"inbox": "{lake}/inbox", **tables, "checkpoint": f"{{lake}}/{CHECKPOINT}"}
    return Step("run_stream", places, snapshot=snapshot)


@hidden("windows.counts")
def counts(case: Case) -> Outcome:
    """Closed windows without events of the overtaken file hold the events in time, their number and their sum."""
    wrong, looked_at = _differences(case, overtaken=False)
    return Outcome(
        score=0 if wrong else 1,
        expected=Text(
            f"{looked_at} closed windows with the number and the total of the events that happened in them.",
            f"{looked_at} janelas fechadas com o número e o total dos eventos que aconteceram nelas.",
        ),
        found=Text(f"{wrong} of them differ.", f"{wrong} delas diferem."),
        hint=Text(
            "Which time decides the window? What do a late event and a wrong clock do to it?",
            "Que tempo decide a janela? O que um evento atrasado e um relógio errado fazem com ela?",
        ),
        read=READ,
    )


@hidden("windows.order")
def order(case: Case) -> Outcome:
    """Windows with events of the overtaken file are as if it had come in its turn."""
    wrong, looked_at = _differences(case, overtaken=True)
    return Outcome(
        score=0 if wrong else 1,
        expected=Text(
            f"{looked_at} windows are complete, though a file arrived after a newer one.",
            f"{looked_at} janelas completas, embora um arquivo tenha chegado depois de outro mais novo.",
        ),
        found=Text(f"{wrong} of them differ.", f"{wrong} delas diferem."),
        hint=Text(
            "How far behind the newest event may an event be when it arrives? Is your watermark that long?",
            "Quanto um evento pode estar atrás do mais novo quando chega? O seu watermark é tão longo?",
        ),
        read="5 · Break it / Quebre",
    )


@hidden("windows.days")
def days(case: Case) -> Outcome:
    """`dia` is the calendar day in São Paulo on which the window begins."""
    table = case.bench("done").read(WINDOWS, {"window_start": TIME, "dia": ("date",)})
    last = _closed_before(case)
    rows = zip(_seconds(table["window_start"]), table["dia"].to_pylist(), strict=True)
    pairs = [(start, day) for start, day in rows if start + SECONDS <= last]
    wrong = sum(day != _day(start) for start, day in pairs)
    both = len({_day(start) for start, _ in pairs}) > 1
    return Outcome(
        score=0 if wrong or not both else 1,
        expected=Text("Each window on its day in São Paulo, two days in all.", "Cada janela no seu dia em São Paulo, dois dias ao todo."),
        found=Text(f"{wrong} of {len(pairs)} windows are on another day.", f"{wrong} de {len(pairs)} janelas estão em outro dia."),
        hint=Text("At 23:30 in São Paulo, which day is it in UTC?", "Às 23:30 em São Paulo, que dia é em UTC?"),
        read=READ,
    )


@hidden("windows.aside")
def aside(case: Case) -> Outcome:
    """The events that are late or from a wrong clock are in the second table, each once and with its reason; no others are."""
    table = case.bench("done").read(ASIDE, {"evento_id": ("string",), "why": ("string",)})
    found = Counter(zip(table["evento_id"].to_pylist(), table["why"].to_pylist(), strict=True))
    truth = Counter((name, why) for name, why in zip(case.ledger.ids, case.ledger.why, strict=True) if why)
    missing, added = (truth - found).total(), (found - truth).total()
    return Outcome(
        score=0 if missing or added else 1,
        expected=Text(f"{truth.total()} events put aside, each once.", f"{truth.total()} eventos postos à parte, cada um uma vez."),
        found=Text(f"{missing} are missing, {added} are too many.", f"Faltam {missing}, há {added} a mais."),
        hint=Text(
            "A watermark drops without a word. Who writes down what was dropped?",
            "Um watermark descarta sem avisar. Quem anota o que foi descartado?",
        ),
        read=READ,
    )


@hidden("windows.restart")
def restart(case: Case) -> Outcome:
    """Another run with nothing new leaves both tables as they were, and no event was read twice on the way there."""
    before, after = _windows(case, "done"), _windows(case, "again")
    sizes = [case.bench(name).read(ASIDE, {"evento_id": ("string",)}).num_rows for name in ("done", "again")]
    many = _rows(case, "done") > len(before)  # a window told twice
    return Outcome(
        score=1 if before and before == after and sizes[0] == sizes[1] and not many else 0,
        expected=Text(
            "A run continues where the last one ended; with nothing new, it changes nothing.",
            "Uma execução continua de onde a última parou; sem nada novo, não muda nada.",
        ),
        found=Text(
            f"{len(before)} windows, then {len(after)}; {sizes[0]} events aside, then {sizes[1]}.",
            f"{len(before)} janelas, depois {len(after)}; {sizes[0]} eventos à parte, depois {sizes[1]}.",
        ),
        hint=Text("What does your query remember, and where?", "O que a sua consulta lembra, e onde?"),
        read=READ,
    )


@hidden("windows.bounded")
def bounded(case: Case) -> Outcome:
    """A query below the checkpoint has a watermark that came as far as it had to, and not beyond the events in time."""
    marks = _watermarks(case.snapshots.get("done", Path("/nonexistent")) / CHECKPOINT)
    in_time = [when for when, why in zip(case.ledger.event.tolist(), case.ledger.why, strict=True) if not why]
    fine = any(min(in_time) <= mark <= max(in_time) for mark in marks)
    return Outcome(
        score=1 if fine else 0,
        expected=Text(
            "The query's watermark moves with the events, so that the state of closed windows can go.",
            "O watermark da consulta avança com os eventos, para que o estado das janelas fechadas possa sair.",
        ),
        found=Text("It does.", "Avança.") if fine else Text("There is none that does.", "Nenhum avança."),
        hint=Text(
            "`withWatermark` comes before the aggregation, on the event's own time; the checkpoint belongs below `checkpoint`.",
            "`withWatermark` vem antes da agregação, no tempo do próprio evento; o checkpoint fica abaixo de `checkpoint`.",
        ),
        read=READ,
    )


def _differences(case: Case, *, overtaken: bool) -> tuple[int, int]:
    """Count the closed windows that differ from the truth, and those that were looked at."""
    truth, found, touched = _truth(case), _windows(case, "done"), _touched(case)
    last = _closed_before(case)
    if overtaken:
        keys = [key for key in touched - _strange(case) if key[0] + SECONDS <= last]
    else:
        keys = [key for key in truth.keys() | found.keys() if key not in touched and key[0] + SECONDS <= last]
    nothing = (0, 0.0)
    wrong = 0
    for key in keys:
        (count, total), (have, sum_) = truth.get(key, nothing), found.get(key, nothing)
        wrong += count != have or abs(total - sum_) > 0.01
    return wrong if found else len(keys), len(keys)


def _truth(case: Case) -> dict[tuple[int, str], tuple[int, float]]:
    sums: dict[tuple[int, str], tuple[int, float]] = {}
    for _, start, canal, cents in _in_time(case):
        count, total = sums.get((start, canal), (0, 0.0))
        sums[start, canal] = (count + 1, total + cents / 100)
    return sums


def _in_time(case: Case) -> list[tuple[int, int, str, int]]:
    """Give file, window, channel and amount of each event that belongs in a window."""
    ledger, channels = case.ledger, _channels(case)
    rows = zip(ledger.file.tolist(), ledger.event.tolist(), channels, ledger.cents.tolist(), ledger.why, strict=True)
    return [(file, when - when % SECONDS, canal, cents) for file, when, canal, cents, why in rows if not why]


def _channels(case: Case) -> list[str]:
    from dataflow_hub.datagen.pools import CHANNELS

    return [CHANNELS[index] for index in case.ledger.channel.tolist()]


def _touched(case: Case) -> set[tuple[int, str]]:
    """Name the windows that hold an event of the overtaken file."""
    return {(start, canal) for file, start, canal, _ in _in_time(case) if file == GROUPS[0] - 1}


def _strange(case: Case) -> set[tuple[int, str]]:
    """Name the windows in which a late event happened: who counts it there loses that once, in `counts`."""
    events = zip(case.ledger.event.tolist(), _channels(case), case.ledger.why, strict=True)
    return {(when - when % SECONDS, canal) for when, canal, why in events if why}


def _closed_before(case: Case) -> int:
    """Give the time before which any query with the watermark of the task has closed every window."""
    seen = sum(GROUPS[:-1])  # files before the last group
    events = zip(case.ledger.file.tolist(), case.ledger.event.tolist(), case.ledger.why, strict=True)
    return max(when for file, when, why in events if file < seen and not why) - STILL_OPEN


def _windows(case: Case, snapshot: str) -> dict[tuple[int, str], tuple[int, float]]:
    """Give number and total of each window and channel; rows that tell the same window twice add up."""
    columns = {"window_start": TIME, "canal": ("string",), "eventos": ("long", "integer"), "total": ("double",)}
    table = case.bench(snapshot).read(WINDOWS, columns)
    sums: dict[tuple[int, str], tuple[int, float]] = {}
    values = [table[name].to_pylist() for name in ("canal", "eventos", "total")]
    for start, canal, count, total in zip(_seconds(table["window_start"]), *values, strict=True):
        have, sum_ = sums.get((start, canal), (0, 0.0))
        sums[start, canal] = (have + (count or 0), sum_ + float(total or 0))
    return sums


def _rows(case: Case, snapshot: str) -> int:
    return int(case.bench(snapshot).read(WINDOWS, {"canal": ("string",)}).num_rows)


def _seconds(column: object) -> list[int]:
    """Give times as seconds since 1970; one without a zone is UTC, one that is missing is 0."""
    times: list[datetime | None] = column.to_pylist()  # type: ignore[attr-defined]
    return [int(each.replace(tzinfo=each.tzinfo or UTC).timestamp()) if each else 0 for each in times]


def _day(start: int) -> date:
    return datetime.fromtimestamp(start, SAO_PAULO).date()


def _watermarks(checkpoint: Path) -> list[float]:
    """Give the last watermark of each query below the checkpoint folder, in seconds since 1970."""
    marks = []
    for folder in sorted(checkpoint.rglob("offsets"))[:20]:
        numbered = sorted((path for path in folder.iterdir() if path.name.isdigit()), key=lambda path: int(path.name))
        if numbered and numbered[-1].stat().st_size < LARGEST_OFFSETS:
            marks.append(_watermark(numbered[-1].read_text(encoding="utf-8", errors="replace")))
    return marks


def _watermark(text: str) -> float:
    lines = text.splitlines()
    try:
        return float(json.loads(lines[1])["batchWatermarkMs"]) / 1000
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return 0.0
