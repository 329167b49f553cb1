"""Presets: what each kernelspec gives, as data in its `preset.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

NAMES = ("spark", "lake", "s3", "tracking", "topics", "check")


@dataclass(frozen=True)
class Preset:
    """One kernel's preset: the names it offers, and whether the JVM warms from the start."""

    names: tuple[str, ...] = NAMES
    warm: bool = False


def read_preset(folder: Path | None) -> Preset:
    """Read the preset of a kernelspec's folder; without one, every name and no JVM until it is used."""
    file = folder / "preset.toml" if folder else None
    if file is None or not file.is_file():
        return Preset()
    values = tomllib.loads(file.read_text(encoding="utf-8"))
    return Preset(tuple(name for name in values["names"] if name in NAMES), bool(values["warm"]))
