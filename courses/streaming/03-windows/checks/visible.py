"""What a student can check while working: the rule for single events, and the windows of their own events."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from dataflow_kernels.checks import Bench, Outcome, Text, visible

LESSON = "03-windows"
CLASSIFIED, WINDOWS = "streaming/classified", "streaming/windows"
TOO_LATE, TOO_EARLY = timedelta(hours=2), timedelta(minutes=10)
MINUTES, STILL_OPEN = 10, timedelta(hours=4)
TIME = ("timestamp", "timestamp_ntz")
COLUMNS = {"window_start": TIME, "canal": ("string",), "eventos": ("long", "integer"), "total": ("double",), "dia": ("date",)}


@visible("windows.rule")
def rule(bench: Bench) -> Outcome:
    """Each event has its reason: late, future, or none."""
    table = bench.read(CLASSIFIED, {"evento_id": ("string",), "why": ("string",)})
    given = dict(zip(table["evento_id"].to_pylist(), table["why"].to_pylist(), strict=True))
    truth = {event["evento_id"]: why(event) for event in events(bench)}
    wrong = [
        {"evento_id": name, "expected": reason or "null", "found": "—" if name not in given else given[name] or "null"}
        for name, reason in truth.items()
        if name not in given or (given[name] or None) != reason
    ]
    many = table.num_rows - len(given)
    return Outcome(
        score=0 if wrong or many else 1,
        expected=Text(
            f"Each of the {len(truth)} events once, with why = 'late', 'future' or null.",
            f"Cada um dos {len(truth)} eventos uma vez, com why = 'late', 'future' ou nulo.",
        ),
        found=Text(
            f"{len(wrong)} events with another reason, {many} rows too many.",
            f"{len(wrong)} eventos com outra razão, {many} linhas a mais.",
        ),
        hint=Text(
            "Subtract the two times as instants: `F.unix_timestamp` of each, in seconds.",
            "Subtraia os dois tempos como instantes: `F.unix_timestamp` de cada um, em segundos.",
        ),
        rows=tuple(wrong[:5]),
        read="3 · Guided exercise / Exercício guiado",
    )


@visible("windows.table")
def table(bench: Bench) -> Outcome:
    """The windows that must be closed by now hold the events in time, once."""
    data = bench.read(WINDOWS, COLUMNS)
    starts = [aware(each) for each in data["window_start"].to_pylist()]
    found = Counter[tuple[datetime, str]]()
    for start, canal, count in zip(starts, data["canal"].to_pylist(), data["eventos"].to_pylist(), strict=True):
        found[start, canal] += count or 0
    in_time = [event for event in events(bench) if why(event) is None]
    last = max(when(event, "ts_evento") for event in in_time) - STILL_OPEN
    truth = Counter((window(when(event, "ts_evento")), event["canal"]) for event in in_time)
    closed = {key for key in truth | found if key[0] + timedelta(minutes=MINUTES) <= last}
    wrong = [
        {"window_start": f"{start:%Y-%m-%d %H:%M}Z", "canal": canal, "expected": truth[start, canal], "found": found[start, canal]}
        for start, canal in sorted(closed, key=str)
        if truth[start, canal] != found[start, canal]
    ]
    return Outcome(
        score=0 if wrong or not data.num_rows else 1,
        expected=Text(
            f"{sum(truth[key] for key in closed)} events in the windows that end before {last:%H:%M} UTC.",
            f"{sum(truth[key] for key in closed)} eventos nas janelas que terminam antes de {last:%H:%M} UTC.",
        ),
        found=Text(
            f"{sum(found[key] for key in closed)} events; {len(wrong)} windows differ.",
            f"{sum(found[key] for key in closed)} eventos; {len(wrong)} janelas diferem.",
        ),
        hint=Text(
            "Too many: late events taken in, files read twice? Too few: which time does your window use, how long is your watermark?",
            "A mais: eventos atrasados, arquivos lidos duas vezes? A menos: que tempo sua janela usa, qual é o seu watermark?",
        ),
        rows=tuple(wrong[:5]),
        read="4 · Challenge / Desafio",
    )


def events(bench: Bench) -> Iterator[dict[str, str]]:
    """Give the landed events."""
    for content in bench.landing().values():
        yield from map(json.loads, content.decode().splitlines())


def when(event: dict[str, str], name: str) -> datetime:
    """Give one of an event's times in UTC."""
    return datetime.fromisoformat(event[name]).astimezone(UTC)


def why(event: dict[str, str]) -> str | None:
    """Tell why an event belongs in no window; None when it does."""
    behind = when(event, "ts_ingestao") - when(event, "ts_evento")
    return "late" if behind > TOO_LATE else "future" if behind < -TOO_EARLY else None


def window(moment: datetime) -> datetime:
    """Give the start of the window of a moment."""
    return moment.replace(minute=moment.minute - moment.minute % MINUTES, second=0, microsecond=0)


def aware(moment: datetime | None) -> datetime | None:
    """Read a time without a zone as UTC: that is what the session writes."""
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC) if moment else None
