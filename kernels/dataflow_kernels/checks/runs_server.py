"""Runs out of the tracking server, with the student's own credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataflow_kernels.checks.runs import (
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

if TYPE_CHECKING:
    from mlflow import MlflowClient


class ServerRuns:
    """The runs that MLflow at `uri` shows this kernel."""

    def __init__(self, uri: str) -> None:
        self._uri = uri

    def runs(self, experiment: str) -> tuple[Run, ...] | None:
        """Give an experiment's runs, newest first; None where there is no such experiment."""
        client = self._client()
        found = client.get_experiment_by_name(experiment)
        if found is None or found.lifecycle_stage != "active":
            return None
        newest = client.search_runs([found.experiment_id], order_by=["attributes.start_time DESC"], max_results=MAX_RUNS)
        return tuple(_run(client, run) for run in newest)

    def versions(self, model: str) -> tuple[ModelVersion, ...] | None:
        """Give a registered model's versions, newest first; None where there is no such model."""
        from mlflow.exceptions import MlflowException

        client = self._client()
        try:
            aliases = client.get_registered_model(model).aliases
        except MlflowException:  # a model that is not there, or another student's
            return None
        newest = client.search_model_versions(f"name = '{model}'", order_by=["version_number DESC"], max_results=MAX_VERSIONS)
        return tuple(
            _version(each, sorted(alias for alias, number in aliases.items() if int(number) == int(each.version))) for each in newest
        )

    def _client(self) -> MlflowClient:
        from mlflow import MlflowClient

        return MlflowClient(self._uri, self._uri)


def _run(client: MlflowClient, run: Any) -> Run:
    uses = run.inputs.dataset_inputs if run.inputs else []
    models = [each.model_id for each in run.outputs.model_outputs] if run.outputs else []
    return Run(
        run.info.run_id,
        run.info.run_name or "",
        run.info.status,
        dict(run.data.params),
        finite(run.data.metrics),
        dict(run.data.tags),
        tuple(DataUse(each.dataset.name, each.dataset.digest, _context(each.tags)) for each in uses),
        tuple(_model(client, each) for each in models),
        tuple(sorted(each.path + ("/" if each.is_dir else "") for each in client.list_artifacts(run.info.run_id))),
    )


def _context(tags: Any) -> str:
    return next((str(tag.value) for tag in tags if tag.key == "mlflow.data.context"), "")


def _model(client: MlflowClient, model_id: str) -> LoggedModel:
    logged = client.get_logged_model(model_id)
    return LoggedModel(model_id, logged.name, _signature(logged.artifact_location))


def _signature(location: str) -> Signature | None:
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        return signature_in(mlflow.artifacts.load_text(f"{location.rstrip('/')}/MLmodel"))
    except (MlflowException, OSError):
        return None


def _version(version: Any, aliases: list[str]) -> ModelVersion:
    told = (version.run_id or "", model_of(version.source or ""), version.status, dict(version.tags))
    return ModelVersion(version.name, int(version.version), *told, tuple(aliases))
