"""Runs out of a copy of a local MLflow store. The copy is a student's: it is read as plain data, with fixed questions and limits.

No model is loaded, and MLflow itself, which would follow the addresses that the store names, is not asked.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from dataflow_kernels.checks.runs import (
    MAX_MODEL_FILE_BYTES,
    MAX_RUNS,
    MAX_VERSIONS,
    DataUse,
    LoggedModel,
    ModelVersion,
    Run,
    Signature,
    finite,
    model_of,
    signature_in,
)
from dataflow_kernels.tracking_store import ARTIFACTS, DATABASE, FOLDER

MAX_STORE_BYTES = 256 * 2**20
_MAX_ROWS, _MAX_VALUE_BYTES, _MAX_STEPS = 5_000, 64 * 1024, 20_000_000
_MAX_NAMES = 200

_RUNS = (
    "SELECT run_uuid, name, status, artifact_uri FROM runs WHERE experiment_id = ? AND lifecycle_stage = 'active' "
    "ORDER BY start_time DESC LIMIT ?"
)
_DATASETS = (
    "SELECT d.name, d.digest, (SELECT t.value FROM input_tags t WHERE t.input_uuid = i.input_uuid AND t.name = 'mlflow.data.context') "
    "FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id "
    "WHERE i.source_type = 'DATASET' AND i.destination_type = 'RUN' AND i.destination_id = ?"
)
_MODELS = (
    "SELECT model_id, name, artifact_location FROM logged_models WHERE source_run_id = ? AND lifecycle_stage = 'active' "
    "ORDER BY creation_timestamp_ms DESC"
)
_VERSIONS = (
    "SELECT version, run_id, source, status FROM model_versions WHERE name = ? AND current_stage != 'Deleted_Internal' "
    "ORDER BY version DESC LIMIT ?"
)


class LocalRuns:
    """The runs of the store in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def runs(self, experiment: str) -> tuple[Run, ...] | None:
        """Give an experiment's runs, newest first; None where there is no such experiment, or no store that can be read."""
        with self._store() as store:
            found = _rows(store, "SELECT experiment_id FROM experiments WHERE name = ? AND lifecycle_stage = 'active'", experiment)
            if not found:
                return None
            return tuple(self._run(store, *row) for row in _rows(store, _RUNS, found[0][0], MAX_RUNS))

    def versions(self, model: str) -> tuple[ModelVersion, ...] | None:
        """Give a registered model's versions, newest first; None where there is no such model, or no store that can be read."""
        with self._store() as store:
            if not _rows(store, "SELECT name FROM registered_models WHERE name = ?", model):
                return None
            return tuple(_version(store, model, row) for row in _rows(store, _VERSIONS, model, MAX_VERSIONS))

    @contextmanager
    def _store(self) -> Iterator[sqlite3.Connection | None]:
        database = self._folder / DATABASE
        if database.is_symlink() or not database.is_file() or database.stat().st_size > MAX_STORE_BYTES:
            yield None
            return
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as store:
            store.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 2**20)
            store.set_progress_handler(lambda: 1, _MAX_STEPS)  # a view may stand where a table should: it gets no endless time
            yield store

    def _run(self, store: sqlite3.Connection | None, run: Any, name: Any, status: Any, artifacts: Any) -> Run:
        run_id = str(run)
        params = dict(_rows(store, "SELECT key, value FROM params WHERE run_uuid = ?", run))
        tags = dict(_rows(store, "SELECT key, value FROM tags WHERE run_uuid = ?", run))
        metrics = dict(_rows(store, "SELECT key, value FROM latest_metrics WHERE run_uuid = ? AND is_nan = 0", run))
        return Run(
            run_id,
            str(name or ""),
            str(status),
            _texts(params),
            finite({str(key): value for key, value in metrics.items()}),
            _texts(tags),
            tuple(DataUse(str(each), str(digest), str(context or "")) for each, digest, context in _rows(store, _DATASETS, run)),
            tuple(LoggedModel(str(each), str(called), self._signature(place)) for each, called, place in _rows(store, _MODELS, run)),
            self._names(artifacts),
        )

    def _signature(self, location: Any) -> Signature | None:
        folder = self._inside(location)
        file = folder / "MLmodel" if folder else None
        if file is None or file.is_symlink() or not file.is_file() or file.stat().st_size > MAX_MODEL_FILE_BYTES:
            return None
        return signature_in(file.read_text(encoding="utf-8", errors="replace"))

    def _names(self, location: Any) -> tuple[str, ...]:
        folder = self._inside(location)
        if folder is None or not folder.is_dir():
            return ()
        return tuple(sorted(each.name + ("/" if each.is_dir() else "") for each in folder.iterdir()))[:_MAX_NAMES]

    def _inside(self, location: Any) -> Path | None:
        """Give where an artifact's address, which names a place in the sandbox, is in this copy; None when it is not below it."""
        _, found, below = unquote(str(location)).partition(f"/{FOLDER}/{ARTIFACTS}/")
        parts = below.split("/")
        if not found or any(part in {"", ".", ".."} for part in parts):
            return None
        folder = self._folder.joinpath(ARTIFACTS, *parts)
        return folder if folder.resolve().is_relative_to(self._folder.resolve()) else None


def _version(store: sqlite3.Connection | None, model: str, row: tuple[Any, ...]) -> ModelVersion:
    number, run, source, status = row
    tags = dict(_rows(store, "SELECT key, value FROM model_version_tags WHERE name = ? AND version = ?", model, number))
    aliases = _rows(store, "SELECT alias FROM registered_model_aliases WHERE name = ? AND version = ? ORDER BY alias", model, number)
    told = (str(run or ""), model_of(str(source or "")), str(status or ""), _texts(tags))
    return ModelVersion(model, int(number), *told, tuple(str(alias) for (alias,) in aliases))


def _rows(store: sqlite3.Connection | None, question: str, *values: Any) -> list[tuple[Any, ...]]:
    """Ask; a store that is no database, lacks a table or takes too long has no answer."""
    if store is None:
        return []
    try:
        return [row for row in store.execute(question, values).fetchmany(_MAX_ROWS) if all(map(_is_small, row))]
    except (sqlite3.Error, OverflowError, UnicodeError):
        return []


def _is_small(value: Any) -> bool:
    return not isinstance(value, str | bytes) or len(value) <= _MAX_VALUE_BYTES


def _texts(values: dict[Any, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in values.items() if value is not None}
