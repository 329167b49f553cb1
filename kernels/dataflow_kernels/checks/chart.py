"""A chart as an artefact: a Vega-Lite description of one view, with its rows in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dataflow_kernels.checks.bench import ArtefactError
from dataflow_kernels.checks.outcome import Text

MAX_CHARACTERS = 2_000_000
_BEYOND = 1e18
_NO_CHART = Text(
    "That is no Vega-Lite chart of one view, with `mark`, `encoding` and its rows.",
    "Isso não é um gráfico Vega-Lite de uma única vista, com `mark`, `encoding` e suas linhas.",
)


@dataclass(frozen=True)
class Axis:
    """One channel of a chart; what it does not say is empty."""

    field: str
    type: str
    title: str
    aggregate: str


@dataclass(frozen=True)
class Chart:
    """A chart's two axes and the rows that it draws."""

    x: Axis
    y: Axis
    rows: tuple[Mapping[str, Any], ...]

    def by_day(self) -> dict[str, float]:
        """Add up what the chart draws for each day: `y` by the first ten characters of `x`, such as "2026-03-01"."""
        sums: dict[str, float] = {}
        for row in self.rows:
            day, value = str(row.get(self.x.field))[:10], row.get(self.y.field)
            sums[day] = sums.get(day, 0.0) + number(value)
        return sums


def read_chart(text: object) -> Chart:
    """Read a Vega-Lite description of one view; its rows are in `data.values`, or in `datasets` under the name in `data.name`.

    Raises
    ------
    ArtefactError
        When it is anything else.
    """
    spec = read_json(text)
    if not isinstance(spec, dict) or "mark" not in spec or not isinstance(spec.get("encoding"), dict):
        raise ArtefactError(_NO_CHART)
    data = spec.get("data")
    data = data if isinstance(data, dict) else {}
    datasets = spec.get("datasets")
    rows = datasets.get(data.get("name")) if isinstance(datasets, dict) and "name" in data else data.get("values")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ArtefactError(_NO_CHART)
    return Chart(_axis(spec["encoding"].get("x")), _axis(spec["encoding"].get("y")), tuple(rows))


def read_json(text: object) -> Any:
    """Read a JSON text that a student's code wrote.

    Raises
    ------
    ArtefactError
        When it is no JSON, or unreasonably long.
    """
    if not isinstance(text, str) or len(text) > MAX_CHARACTERS:
        raise ArtefactError(Text("That is no JSON text of a sensible length.", "Isso não é um texto JSON de tamanho razoável."))
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ArtefactError(Text("That is not JSON.", "Isso não é JSON.")) from error


def number(value: object) -> float:
    """Give a JSON value as a number; not a number when it is none, or beyond any that a student's data has."""
    return float(value) if isinstance(value, (int, float)) and abs(value) < _BEYOND else float("nan")


def _axis(channel: object) -> Axis:
    said = channel if isinstance(channel, dict) else {}
    axis = said.get("axis")
    title = said.get("title") or (axis.get("title") if isinstance(axis, dict) else "")
    return Axis(_text(said.get("field")), _text(said.get("type")), _text(title), _text(said.get("aggregate")))


def _text(value: object) -> str:
    """Give a text; a title may be a list of lines."""
    if isinstance(value, list):
        return " ".join(map(_text, value))
    return value.strip() if isinstance(value, str) else ""
