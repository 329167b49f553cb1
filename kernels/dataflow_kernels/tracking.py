"""`tracking`: MLflow, set up for the student: server, credentials, and a namespace of experiments."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataflow_kernels.environ import RESTART, LabEnv, unset, variable
from dataflow_kernels.errors import CredentialsRefused, EnvironmentMissing, KernelError
from dataflow_kernels.lake import local_path
from dataflow_kernels.namespaces import namespace
from dataflow_kernels.tracking_store import ARTIFACTS, FOLDER, store_uri

if TYPE_CHECKING:
    import pandas as pd
    from ipywidgets import Widget
    from mlflow.entities import Experiment
    from mlflow.tracking import MlflowClient


_GLOBALS = ("MLFLOW_EXPERIMENT_ID", "MLFLOW_REGISTRY_URI")  # what MLflow's setters leave in the environment
_LOGIN_NAMES = {"en": ("address", "name", "password"), "pt-BR": ("endereço", "nome", "senha")}


class Tracking:
    """The student's part of MLflow; where no server belongs to the run, a local store beside the lake."""

    def __init__(self, env: LabEnv) -> None:
        self._env = env
        missing = [variable(name) for name in ("mlflow_username", "mlflow_password") if env.mlflow_uri and not getattr(env, name)]
        if missing:
            raise EnvironmentMissing(f"MLflow at {env.mlflow_uri} needs {', '.join(missing)}.", fix=RESTART)
        import mlflow

        self._mlflow = mlflow
        self._borrowed, self._blocks, self._lock = "", 0, threading.Lock()
        mlflow.set_tracking_uri(self.uri)

    def __repr__(self) -> str:
        return f"Tracking({self.uri!r}, namespace={self._env.user!r})"

    @property
    def uri(self) -> str:
        """The tracking server's address, or that of the local store."""
        return store_uri(self._local_folder()) if self._is_local else self._env.mlflow_uri

    @contextmanager
    def use(self, lake: str) -> Iterator[None]:
        """Keep runs and models in a store of their own beside another lake, for the length of the block.

        So that a function can be tried on other data without a trace among your own runs. Blocks about the same lake may be
        open in several threads at once.

        Parameters
        ----------
        lake
            A `file:` URI or a folder; "" for your own lake, where runs and models stay where they always are.

        Raises
        ------
        KernelError
            The lake is in the object store, or a block about another lake is open.
        """
        if not lake or lake.rstrip("/") == self._env.lake_root.rstrip("/"):
            yield
            return
        self._enter(lake)
        try:
            yield
        finally:
            self._leave()

    def model_name(self, name: str) -> str:
        """Give the full name of one of the student's registered models, which no other student's has: `ana.atraso`."""
        prefix = f"{namespace(self._env.user)}."
        return name if name.startswith(prefix) else prefix + name

    def experiment_name(self, name: str) -> str:
        """Give the full name, in the student's own namespace: `ana/modelo-classificacao`."""
        prefix = f"{self._env.user}/"
        return name if name.startswith(prefix) else prefix + name

    def set_experiment(self, name: str) -> Experiment:
        """Make the student's experiment of that name the current one, creating it when absent.

        Raises
        ------
        CredentialsRefused
            MLflow does not take the credentials any more.
        KernelError
            MLflow does not answer.
        """
        full = self.experiment_name(name)
        with self._explained():
            client = self.client()
            if self._is_local and client.get_experiment_by_name(full) is None:
                client.create_experiment(full, artifact_location=(self._local_folder() / ARTIFACTS / name).as_uri())
            return self._mlflow.set_experiment(full)

    def client(self) -> MlflowClient:
        """Give MLflow's own client."""
        return self._mlflow.MlflowClient()

    def login(self) -> Widget:
        """Show address, name and password for MLflow's own pages; as a widget, since those are not saved with the notebook.

        Raises
        ------
        EnvironmentMissing
            No server belongs to this run, so no page to log in to.
        """
        env = self._env
        if not env.mlflow_uri:
            raise EnvironmentMissing(f"Runs are kept in {self.uri}, without a page.", fix="Read them with tracking.runs(...).")
        from ipywidgets import HTML

        names = _LOGIN_NAMES.get(env.language, _LOGIN_NAMES["en"])
        rows = zip(names, (env.mlflow_uri, env.mlflow_username, env.mlflow_password), strict=True)
        cells = "".join(f"<tr><td>{name}&ensp;</td><td><code>{escape(value)}</code></td></tr>" for name, value in rows)
        return HTML(f"<table>{cells}</table>")

    def runs(self, name: str) -> pd.DataFrame:
        """Give the runs of one of the student's experiments, newest first, as a data frame."""
        with self._explained():
            return self._mlflow.search_runs(experiment_names=[self.experiment_name(name)], order_by=["attributes.start_time DESC"])

    @property
    def _is_local(self) -> bool:
        return bool(self._borrowed) or not self._env.mlflow_uri

    def _local_folder(self) -> Path:
        if self._borrowed:
            return local_path(self._borrowed) / FOLDER
        return own_store(self._env)

    def _enter(self, lake: str) -> None:
        if "://" in lake and not lake.startswith("file:"):
            raise KernelError(f"Runs cannot be kept beside {lake}.", why="A store of runs needs a folder of this machine.")
        with self._lock:
            if self._blocks and self._borrowed != lake:
                raise KernelError(f"Runs are being kept beside {self._borrowed}.", fix="Leave that block of tracking.use first.")
            if not self._blocks:
                self._borrowed = lake
                point_at(self.uri)
            self._blocks += 1

    def _leave(self) -> None:
        with self._lock:
            self._blocks -= 1
            if not self._blocks:
                self._borrowed = ""
                point_at(self.uri)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        from mlflow.exceptions import MlflowException

        try:
            yield
        except MlflowException as error:
            text = str(error)
            if "401" in text or "not authenticated" in text:
                raise CredentialsRefused(
                    f"MLflow at {self.uri} refused the credentials of {self._env.mlflow_username}.",
                    why="They were revoked or replaced.",
                    fix=RESTART,
                ) from error
            if "Max retries" in text or "Connection refused" in text:
                raise KernelError(
                    f"MLflow at {self.uri} does not answer.", fix="Wait a moment and run the cell again; then tell your instructor."
                ) from error
            raise


def own_store(env: LabEnv) -> Path:
    """Give the folder of the student's own local store: beside the lake where that is a folder, else at home."""
    base = local_path(env.lake_root) if env.lake_root.startswith("file:") else Path.home()
    return base / FOLDER


def point_at(uri: str | None) -> None:
    """Let MLflow work on another store, with no run open and no experiment chosen: those belong to the one before."""
    mlflow: Any = sys.modules.get("mlflow")
    if mlflow is None:
        return
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(None)
    mlflow.tracking.fluent._active_experiment_id = None  # noqa: SLF001 - nothing public takes a choice back
    unset(_GLOBALS)
