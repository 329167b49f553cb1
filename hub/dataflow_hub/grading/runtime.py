"""Whether submissions can be run here at all: what a kernel needs and does not find would look like the student's mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataflow_hub.errors import GradingError
from dataflow_hub.services import kafka
from dataflow_kernels.install import LOCK
from dataflow_kernels.jars import is_complete

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataflow_hub.settings import Lab


def require_runtime(lab: Lab, services: Sequence[str] = ()) -> None:
    """Refuse to run anything without the whole of Spark's jars, and Kafka's where a lesson names it among its `services`.

    Raises
    ------
    GradingError
        They are not there: the submission needs another grading, not a 0.
    """
    if not is_complete(LOCK, lab.workspace.jars):
        raise _missing("Spark's jars", str(lab.workspace.jars), "./lab up")
    if "kafka" in services and not is_complete(kafka.lock(lab), lab.workspace.kafka_jars):
        raise _missing("Kafka's jars", str(lab.workspace.kafka_jars), "./lab up streaming")


def _missing(what: str, where: str, command: str) -> GradingError:
    why = f"{where} is not whole. Right work would get no marks."
    return GradingError(f"Submissions cannot be run without {what}.", why=why, fix=f"{command}, then grade again.")
