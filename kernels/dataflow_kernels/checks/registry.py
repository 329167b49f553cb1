"""Which functions of a lesson's check file are checks."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dataflow_kernels.checks.bench import Bench
from dataflow_kernels.checks.outcome import Outcome

VisibleCheck = Callable[[Bench], Outcome]
_MARK = "dataflow_visible_check"


def visible(check: str) -> Callable[[VisibleCheck], VisibleCheck]:
    """Mark a function as the visible check with this id."""

    def mark(function: VisibleCheck) -> VisibleCheck:
        setattr(function, _MARK, check)
        return function

    return mark


def load(path: Path) -> tuple[dict[str, VisibleCheck], Mapping[str, Any]]:
    """Run a check file and give its visible checks by id, and all its names."""
    names = runpy.run_path(str(path))
    found = {getattr(value, _MARK): value for value in names.values() if callable(value) and hasattr(value, _MARK)}
    return found, names
