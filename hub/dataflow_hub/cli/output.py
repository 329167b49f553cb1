"""What the command line prints, and how it reads a time."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import sys
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dataflow_hub.errors import LabError

out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def report(line: str) -> None:
    """Show one line of progress, apart from the result on standard output."""
    err.print(line, markup=False)


def parse_time(text: str) -> dt.datetime | None:
    """Read an ISO 8601 time; one without a zone is refused, since a class may span several."""
    if not text:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise LabError(f"{text!r} is not a time.", fix="Write it as 2026-12-01T23:59-03:00.") from error
    if moment.tzinfo is None:
        raise LabError(f"{text!r} has no time zone.", fix="Write it as 2026-12-01T23:59-03:00.")
    return moment


def show(rows: Any, as_json: bool, *, title: str, columns: tuple[str, ...] = ()) -> None:
    """Print a list of dataclasses as a table of `columns` (or all that hold something), or as JSON with everything."""
    records = [dataclasses.asdict(row) for row in rows]
    if as_json:
        sys.stdout.write(json.dumps(records, default=str, ensure_ascii=False, indent=1) + "\n")
        return
    if not records:
        out.print(f"{title}: none", markup=False)
        return
    texts = [{column: _readable(value) for column, value in record.items()} for record in records]
    used = [column for column in columns or texts[0] if any(text[column] for text in texts)]
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in used:
        table.add_column(column.replace("_", " "))
    for text in texts:
        table.add_row(*(escape(text[column]) for column in used))
    out.print(table)


def _readable(value: Any) -> str:
    """Write a value as a person reads it in a narrow column."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return "" if value is None else str(value)
