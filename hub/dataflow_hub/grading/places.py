"""The places in a step's arguments: `{lake}` and the like, filled with where they are in one run."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def places(lake: Path, landing: Path) -> dict[str, str]:
    """Give what each place stands for: `file:` URIs, and the same folders as plain paths."""
    return {"{lake}": lake.as_uri(), "{landing}": landing.as_uri(), "{lake_folder}": str(lake), "{landing_folder}": str(landing)}


def filled(value: Any, where: dict[str, str]) -> Any:
    """Fill the places in every text of a JSON value."""
    if isinstance(value, str):
        for name, place in where.items():
            value = value.replace(name, place)
        return value
    if isinstance(value, list):
        return [filled(each, where) for each in value]
    if isinstance(value, dict):
        return {key: filled(each, where) for key, each in value.items()}
    return value
