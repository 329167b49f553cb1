"""Prefect's own command line, with the schedule mended: `python -m dataflow_hub.services.prefect_process server start …`.

Prefect 3.8 plans runs with one INSERT whose rows also hold the state of each run, which it stores by a second INSERT. Older
SQLAlchemy left out what is no column; 2.1 refuses such rows ("Can't evaluate bulk DML statement"), so that no cron ever came due.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from prefect.cli import app
from prefect.server.database import orm_models


def leave_out(_model: type[Any], _row: MutableMapping[str, Any], _value: Any) -> None:
    """Store nothing of an entry that is no column, as SQLAlchemy did before."""


def mend_schedule() -> None:
    """Let rows hold what is no column of theirs."""
    of_models = {orm_models.FlowRun: "state", orm_models.TaskRun: "state", orm_models.FlowRunState: "data", orm_models.TaskRunState: "data"}
    for model, name in of_models.items():
        _hybrid(model, name).bulk_dml_setter = leave_out


def _hybrid(model: type[Any], name: str) -> Any:
    """Give a model's own or inherited attribute itself, not what it stands for."""
    return next(vars(each)[name] for each in model.__mro__ if name in vars(each))


if __name__ == "__main__":
    mend_schedule()
    app()
