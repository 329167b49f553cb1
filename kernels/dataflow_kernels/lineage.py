"""Lineage as a picture: which table was made from which, by what the jobs told of themselves."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from dataflow_kernels.pictures import COLOURS, Picture, picture

_LAYERS = {"landing": COLOURS["sources"], **{name: COLOURS[name] for name in ("bronze", "silver", "gold")}}
_LETTER, _HEIGHT, _GAP, _DOWN = 7, 30, 60, 42  # a letter's width at the font's size

Edge = tuple[str, str]


def edges(events: Iterable[dict]) -> set[Edge]:  # type: ignore[type-arg] # JSON
    """Give the pairs (from, to) of the events of jobs that ended well: each input of a job with each of its outputs."""
    done = [event for event in events if event.get("eventType") == "COMPLETE"]
    return {
        (str(source["name"]), str(made["name"]))
        for event in done
        for source in event.get("inputs", [])
        for made in event.get("outputs", [])
    }


def draw(drawn: Iterable[Edge]) -> Picture:
    """Draw edges from left to right, one column a layer: what is before the first slash of a name."""
    pairs = sorted(set(drawn))
    boxes = _boxes(sorted({name for pair in pairs for name in pair}))
    lines = "".join(_line(boxes[source], boxes[made]) for source, made in pairs)
    drawings = "".join(_drawing(name, box) for name, box in boxes.items())
    width = max((left + wide for left, _, wide in boxes.values()), default=0) + 4
    height = max((top for _, top, _ in boxes.values()), default=0) + _HEIGHT + 4
    label = "; ".join(f"{source} → {made}" for source, made in pairs) or "—"
    return picture(lines + drawings, width, height, label)


def _boxes(names: list[str]) -> dict[str, tuple[int, int, int]]:
    """Give each name's left, top and width: a column is as wide as its longest label."""
    columns: dict[int, list[str]] = {}
    for name in names:
        layer = name.partition("/")[0]
        columns.setdefault([*_LAYERS].index(layer) if layer in _LAYERS else len(_LAYERS), []).append(name)
    boxes, left = {}, 4
    for _, column in sorted(columns.items()):
        width = 16 + _LETTER * max(len(_label(name)) for name in column)
        boxes.update({name: (left, 4 + row * _DOWN, width) for row, name in enumerate(column)})
        left += width + _GAP
    return boxes


def _label(name: str) -> str:
    """Shorten the name of a landing file: its colour tells the layer."""
    return name.removeprefix("landing/")


def _line(start: tuple[int, int, int], end: tuple[int, int, int]) -> str:
    half = _HEIGHT // 2
    way = f"M{start[0] + start[2]} {start[1] + half}L{end[0]} {end[1] + half}"
    return f'<path d="{way}" fill="none" stroke="#8a949e" stroke-width="1.5"/>'


def _drawing(name: str, box: tuple[int, int, int]) -> str:
    left, top, width = box
    colour = _LAYERS.get(name.partition("/")[0], "#59636e")
    return (
        f'<rect x="{left}" y="{top}" width="{width}" height="{_HEIGHT}" rx="6" fill="{colour}"/>'
        f'<text x="{left + width / 2}" y="{top + 20}" text-anchor="middle" font-family="sans-serif" font-size="13" fill="#ffffff">'
        f"{escape(_label(name))}</text>"
    )
