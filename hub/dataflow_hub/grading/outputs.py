"""Notebook outputs from a student's kernel: as far as they are outputs, and harmless in whoever's browser shows them."""

from __future__ import annotations

from typing import Any

import bleach  # type: ignore[import-untyped]

_TABLE = {"table", "thead", "tbody", "tfoot", "tr", "th", "td", "caption", "div", "span", "p", "br"}
_TEXT = {"b", "strong", "i", "em", "code", "pre", "ul", "ol", "li"}
_ATTRIBUTES = {"*": ["border"], "td": ["colspan", "rowspan"], "th": ["colspan", "rowspan"]}
_PLAIN = ("text/plain", "image/png", "image/jpeg")


def sound_outputs(outputs: object, count: int) -> list[list[dict[str, Any]]]:
    """Give the outputs of `count` cells as far as they are notebook outputs; whatever else came is left out."""
    cells = outputs if isinstance(outputs, list) and len(outputs) == count else [[]] * count
    return [[sound for sound in map(_sound, cell) if sound] if isinstance(cell, list) else [] for cell in cells]


def _sound(output: object) -> dict[str, Any] | None:
    if not isinstance(output, dict):
        return None
    kind = output.get("output_type")
    if kind == "stream" and output.get("name") in {"stdout", "stderr"} and isinstance(output.get("text"), str):
        return {"output_type": kind, "name": output["name"], "text": output["text"]}
    if kind == "error":
        return _error(output)
    if kind in {"display_data", "execute_result"} and isinstance(output.get("data"), dict):
        return _display(str(kind), output["data"])
    return None


def _error(output: dict[str, Any]) -> dict[str, Any]:
    lines = output.get("traceback")
    traceback = [line for line in lines if isinstance(line, str)] if isinstance(lines, list) else []
    return {"output_type": "error", "ename": str(output.get("ename", "")), "evalue": str(output.get("evalue", "")), "traceback": traceback}


def _display(kind: str, data: dict[str, Any]) -> dict[str, Any] | None:
    kept = {name: data[name] for name in _PLAIN if isinstance(data.get(name), str)}
    if isinstance(data.get("text/html"), str):
        kept["text/html"] = bleach.clean(data["text/html"], tags=_TABLE | _TEXT, attributes=_ATTRIBUTES, strip=True)
    if not kept:
        return None
    counted = {"execution_count": None} if kind == "execute_result" else {}
    return {"output_type": kind, "data": kept, "metadata": {}, **counted}
