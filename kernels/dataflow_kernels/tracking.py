"""`tracking`: MLflow, set up for the student: server, credentials, and a namespace of experiments."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from dataflow_kernels.environ import RESTART, LabEnv, variable
from dataflow_kernels.errors import CredentialsRefused, EnvironmentMissing, KernelError
from dataflow_kernels.lake import local_path

if TYPE_CHECKING:
    import pandas as pd
    from ipywidgets import Widget
    from mlflow.entities import Experiment
    from mlflow.tracking import MlflowClient


_LOGIN_NAMES = {"en": ("address", "name", "password"), "pt-BR": ("endereço", "nome", "senha")}


class Tracking:
    """The student's part of MLflow; where no server belongs to the run, a local store beside the lake."""

    def __init__(self, env: LabEnv) -> None:
        self._env = env
        missing = [variable(name) for name in ("mlflow_username", "mlflow_password") if env.mlflow_uri and not getattr(env, name)]
        if missing:
            raise EnvironmentMissing(f"MLflow at {env.mlflow_uri} needs {', '.join(missing)}.", fix=RESTART)
        import mlflow

        mlflow.set_tracking_uri(self.uri)
        self._mlflow = mlflow

    def __repr__(self) -> str:
        return f"Tracking({self.uri!r}, namespace={self._env.user!r})"

    @property
    def uri(self) -> str:
        """The tracking server's address, or that of the local store."""
        return self._env.mlflow_uri or f"sqlite:///{self._local_folder() / 'mlflow.db'}"

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
            if not self._env.mlflow_uri and client.get_experiment_by_name(full) is None:
                client.create_experiment(full, artifact_location=(self._local_folder() / "artifacts" / name).as_uri())
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

    def _local_folder(self) -> Path:
        base = local_path(self._env.lake_root) if self._env.lake_root.startswith("file:") else Path.home()
        folder = base / "mlflow"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

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
