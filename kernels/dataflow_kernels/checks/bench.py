"""The bench on which a check looks at a student's lake: Delta tables, JSON files, runs and models, without a JVM."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dataflow_kernels.checks.outcome import Text
from dataflow_kernels.checks.runs import ModelVersion, Run, RunBook, no_experiment, no_model
from dataflow_kernels.checks.runs_local import LocalRuns
from dataflow_kernels.checks.runs_server import ServerRuns
from dataflow_kernels.lake import local_path
from dataflow_kernels.namespaces import namespace
from dataflow_kernels.tracking_store import FOLDER

MAX_TABLE_ROWS = 20_000_000
MAX_JSON_BYTES = 2**20


class ArtefactError(Exception):
    """A table is not there or is not what the task asks for; `found` tells the student."""

    def __init__(self, found: Text) -> None:
        self.found = found
        super().__init__(found.en)


@dataclass(frozen=True)
class Bench:
    """A lake to look at and the files that landed.

    Parameters
    ----------
    root
        The lake's URI or folder.
    landing
        Gives the landing files by name.
    options
        delta-rs storage options; empty for files.
    user, tracker
        Whose experiments and models are meant, and the address of the tracking server; "" for the store beside the lake.
    """

    root: str
    landing: Callable[[], Mapping[str, bytes]]
    options: Mapping[str, str] = field(default_factory=dict)
    user: str = "student"
    tracker: str = ""

    def types(self, table: str) -> dict[str, str]:
        """Give the columns of a Delta table of the lake and their types in Delta's words ("string", "timestamp", …).

        Raises
        ------
        ArtefactError
            When there is no such table.
        """
        return _types(self._open(table))

    def version(self, table: str) -> int:
        """Give the number of a Delta table's newest version.

        Raises
        ------
        ArtefactError
            When there is no such table.
        """
        return int(self._open(table).version())

    def read(self, table: str, columns: Mapping[str, tuple[str, ...]], version: int | None = None) -> Any:
        """Read columns of a Delta table as a pyarrow Table.

        Parameters
        ----------
        columns
            The names asked for, each with the Delta types that are accepted.
        version
            The version to read; by default the newest.

        Raises
        ------
        ArtefactError
            When the table, its version or a column is missing, a type differs, or the table is unreasonably big.
        """
        opened = self._open(table, version)
        types = _types(opened)
        for name, accepted in columns.items():
            _require(name, types.get(name), accepted)
        try:
            if (opened.count() or 0) > MAX_TABLE_ROWS:
                raise ArtefactError(Text("The table has more rows than can be right.", "A tabela tem mais linhas do que faria sentido."))
            return opened.to_pyarrow_table(columns=list(columns))
        except (OSError, ValueError, _delta_error()) as error:
            logging.getLogger(__name__).info("unreadable table", exc_info=error)
            said = Text(f"`{table}` could not be read: its files are damaged.", f"Não foi possível ler `{table}`: há arquivos danificados.")
            raise ArtefactError(said) from error

    def json(self, path: str) -> Any:
        """Read a JSON file of the lake: objects, lists, texts and finite numbers.

        Raises
        ------
        ArtefactError
            When there is no such file, it is larger than `MAX_JSON_BYTES`, or not JSON; NaN and Infinity are not JSON.
        """
        try:
            return json.loads(_content(self.root, path, self.options), parse_constant=_refuse, parse_float=_finite)
        except (FileNotFoundError, _delta_error()) as error:
            raise ArtefactError(Text(f"There is no file at `{path}` yet.", f"Ainda não há um arquivo em `{path}`.")) from error
        except (OSError, ValueError, RecursionError) as error:
            said = Text(f"`{path}` is not a JSON file that can be read.", f"`{path}` não é um arquivo JSON que se possa ler.")
            raise ArtefactError(said) from error

    def runs(self, experiment: str) -> tuple[Run, ...]:
        """Give the runs of one of the student's experiments, newest first; `experiment` is named as for `tracking.set_experiment`.

        Raises
        ------
        ArtefactError
            When there is no such experiment.
        """
        found = self._book().runs(f"{self.user}/{experiment}")
        if found is None:
            raise ArtefactError(no_experiment(experiment))
        return found

    def models(self, name: str) -> tuple[ModelVersion, ...]:
        """Give the versions of one of the student's registered models, newest first; `name` is named as for `tracking.model_name`.

        Raises
        ------
        ArtefactError
            When there is no such model.
        """
        found = self._book().versions(f"{namespace(self.user)}.{name}")
        if found is None:
            raise ArtefactError(no_model(name))
        return found

    def _book(self) -> RunBook:
        return ServerRuns(self.tracker) if self.tracker else LocalRuns(local_path(self.root) / FOLDER)

    def _open(self, table: str, version: int | None = None) -> Any:
        from deltalake import DeltaTable

        try:
            return DeltaTable(f"{self.root.rstrip('/')}/{table}", version=version, storage_options=dict(self.options) or None)
        except (OSError, ValueError, _delta_error()) as error:
            said = Text(f"There is no Delta table at `{table}` yet.", f"Ainda não há uma tabela Delta em `{table}`.")
            raise ArtefactError(said) from error


def _content(root: str, path: str, options: Mapping[str, str]) -> bytes:
    from deltalake.fs import DeltaStorageHandler
    from pyarrow.fs import FileType, PyFileSystem

    folder, _, name = f"{root.rstrip('/')}/{path}".rpartition("/")
    system = PyFileSystem(DeltaStorageHandler(folder, dict(options) or None))
    if system.get_file_info(name).type != FileType.File:
        raise FileNotFoundError(path)
    content: bytes = system.open_input_file(name).read(MAX_JSON_BYTES + 1)
    if len(content) > MAX_JSON_BYTES:
        message = "the file is too large"
        raise ValueError(message)
    return content


def _refuse(name: str) -> float:
    message = f"{name} is not JSON"
    raise ValueError(message)


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def landing_files(uri: str, options: Mapping[str, str]) -> dict[str, bytes]:
    """Read the files right below a folder of a lake, by name, sorted."""
    from deltalake.fs import DeltaStorageHandler
    from pyarrow.fs import FileSelector, PyFileSystem

    system = PyFileSystem(DeltaStorageHandler(uri, dict(options) or None))
    found = sorted(info.path for info in system.get_file_info(FileSelector("", recursive=False)) if info.is_file)
    return {path.rsplit("/", 1)[-1]: system.open_input_file(path).read() for path in found}


def _types(table: Any) -> dict[str, str]:
    return {column.name: str(getattr(column.type, "type", column.type)) for column in table.schema().fields}


def _require(name: str, found: str | None, accepted: tuple[str, ...]) -> None:
    if found is None:
        raise ArtefactError(Text(f"The table has no column `{name}`.", f"A tabela não tem a coluna `{name}`."))
    if found not in accepted:
        wanted = accepted[0]
        raise ArtefactError(
            Text(f"Column `{name}` is {found[:60]}, not {wanted}.", f"A coluna `{name}` é {found[:60]}, e não {wanted}."),
        )


def _delta_error() -> type[Exception]:
    from deltalake.exceptions import DeltaError

    error: type[Exception] = DeltaError
    return error
