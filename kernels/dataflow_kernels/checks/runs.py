"""What MLflow holds, as a check sees it: runs and registered models as plain values, the same from a server and from a local store."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import yaml  # type: ignore[import-untyped] # its stubs are not among the locked packages

from dataflow_kernels.checks.outcome import Text

MAX_RUNS = 50
MAX_VERSIONS = 200
MAX_MODEL_FILE_BYTES = 128 * 1024
_MOST_BRACKETS = 200


@dataclass(frozen=True)
class DataUse:
    """One dataset that a run says it used: `mlflow.log_input(dataset, context=…)`."""

    name: str
    digest: str
    context: str


@dataclass(frozen=True)
class Signature:
    """Names and MLflow types of what a model takes and gives; a tensor has the name ""."""

    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class LoggedModel:
    """One model that a run logged; without a signature when it says none that can be read."""

    model_id: str
    name: str
    signature: Signature | None


@dataclass(frozen=True)
class Run:
    """One run. `metrics` holds the newest value of each, finite ones only; `artifacts` the names at the top, folders with a `/`."""

    run_id: str
    name: str
    status: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    datasets: tuple[DataUse, ...] = ()
    models: tuple[LoggedModel, ...] = ()
    artifacts: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelVersion:
    """One version of a registered model; `model_id` is that of the logged model behind it, "" when it has none."""

    name: str
    version: int
    run_id: str
    model_id: str
    status: str
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()


class RunBook(Protocol):
    """Where runs and models are read; both methods give None where nothing of that full name is."""

    def runs(self, experiment: str) -> tuple[Run, ...] | None:
        """Give an experiment's runs, newest first, deleted ones left out."""

    def versions(self, model: str) -> tuple[ModelVersion, ...] | None:
        """Give a registered model's versions, newest first."""


def no_experiment(name: str) -> Text:
    """Say that an experiment is not there."""
    return Text(f"MLflow has no experiment `{name}` of yours yet.", f"O MLflow ainda não tem um experimento `{name}` seu.")


def no_model(name: str) -> Text:
    """Say that a registered model is not there."""
    return Text(f"MLflow has no registered model `{name}` of yours yet.", f"O MLflow ainda não tem um modelo registrado `{name}` seu.")


def finite(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Keep the metrics that are numbers."""
    return {name: float(value) for name, value in metrics.items() if isinstance(value, int | float) and math.isfinite(value)}


def model_of(source: str) -> str:
    """Give the logged model's id in a version's source, such as `models:/m-12ab`; "" when it is another address."""
    return source.removeprefix("models:/").split("/")[0] if source.startswith("models:/m-") else ""


def signature_in(text: str) -> Signature | None:
    """Read the signature out of an `MLmodel` file, which may hold anything; None when there is none."""
    bare = re.sub(r"'[^']*'", "", text)
    if len(text) > MAX_MODEL_FILE_BYTES or bare.count("[") + bare.count("{") > _MOST_BRACKETS:  # deep ones take YAML seconds each
        return None
    try:
        said = yaml.safe_load(text)["signature"]
        return Signature(_fields(said["inputs"]), _fields(said["outputs"]) if said.get("outputs") else ())
    except (yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _fields(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((str(each.get("name", "")), str(each["type"])) for each in json.loads(text))
