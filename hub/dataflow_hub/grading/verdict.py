"""The gate's verdict beside each lesson, and how long it holds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from dataflow_hub.datagen.catalogue import sources
from dataflow_hub.grading.gate_rule import GateRow
from dataflow_kernels import checks

if TYPE_CHECKING:
    from dataflow_hub.grading.course import Lesson

VERDICT = "gate.json"


def record(lesson: Lesson, rows: list[GateRow], seeds: int) -> Path:
    """Write a passed verdict beside the lesson, to be committed: who clones the lab need not try every mutant again.

    It holds for as long as neither the lesson nor the code that judges it changes.
    """
    path = lesson.folder / VERDICT
    verdict = {"digest": _digest(lesson), "seeds": seeds, "rows": [asdict(row) for row in rows]}
    path.write_text(json.dumps(verdict, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return path


def recorded(lesson: Lesson, seeds: int) -> list[GateRow]:
    """Give the rows of the verdict beside the lesson; none when it is about other code, or about fewer seeds."""
    path = lesson.folder / VERDICT
    verdict = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if verdict.get("digest") != _digest(lesson) or verdict["seeds"] < seeds:
        return []
    return [GateRow(**row) for row in verdict["rows"]]


def _digest(lesson: Lesson) -> str:
    """Hash what decides who passes: the lesson, its data, and the code that compares.

    How a sandbox is made, and how Spark is set up, is not part of it: tests of their own look after the one, and every run of
    the lessons' tests tries the answers on the Spark of the day.
    """
    hub, kernels = Path(__file__).parents[1], Path(checks.__file__).parents[1]
    grading = [hub / "grading" / name for name in ("build.py", "cases.py", "gate_rule.py", "scenario.py")]
    digest = hashlib.sha256()
    for top in (lesson.folder, *sources(lesson.data.generator), kernels / "checks", *grading):
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and path.name != VERDICT and "__pycache__" not in path.parts:
                digest.update(f"{top.name}/{path.relative_to(top)}".encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
