"""`SparkSession.builder…getOrCreate()` gives the lab's session, in any cell, as copied from any tutorial."""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from dataflow_kernels.spark import LabSpark

_TARGET = "pyspark.sql.session"


def hook_builder(lab: LabSpark) -> None:
    """See to it that every builder asks `lab`, from the moment PySpark is imported. Importing it now would slow the kernel's start."""
    if _TARGET in sys.modules:
        _wrap(sys.modules[_TARGET], lab)
    else:
        sys.meta_path.insert(0, _Finder(lab))


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the one module like everybody else would, and wraps it once it has been executed."""

    def __init__(self, lab: LabSpark) -> None:
        self._lab = lab

    def find_spec(self, name: str, *_: Sequence[str] | ModuleType | None) -> importlib.machinery.ModuleSpec | None:
        if name != _TARGET:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            _follow(spec.loader, self._lab)
        return spec


def _follow(loader: importlib.abc.Loader, lab: LabSpark) -> None:
    execute = loader.exec_module

    def execute_and_wrap(module: ModuleType) -> None:
        execute(module)
        _wrap(module, lab)

    loader.exec_module = execute_and_wrap  # type: ignore[method-assign]


def _wrap(module: ModuleType, lab: LabSpark) -> None:
    builder = module.SparkSession.Builder
    original = getattr(builder.getOrCreate, "original", builder.getOrCreate)

    @functools.wraps(original)
    def get_or_create(self: Any) -> Any:
        if "spark.remote" in self._options:
            return original(self)
        return lab.configured(dict(self._options))

    get_or_create.original = original  # type: ignore[attr-defined]
    builder.getOrCreate = get_or_create
