"""The flow from bronze to silver: duplicates and non-positive amounts out, a time of processing in.

What may fail for a moment (the store) is tried again, a little later each time; what is wrong for good (a table without the
column `valor`) fails at once. Running it twice gives the same table.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, write_deltalake
from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.tasks import exponential_backoff

from dataflow_hub.errors import LabError
from dataflow_hub.services.store_accounts import FLOWS, delta_options
from dataflow_hub.settings import load_lab

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State, TaskRun

AMOUNT = "valor"
_TRIES_AGAIN = 3


class UnfitTableError(LabError):
    """The table is not one that this flow can clean."""


def worth_another_try(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    """Tell whether trying again may help."""
    # `_sync`: where a loop runs in this thread, Prefect would give a coroutine, and everything would be tried again
    error = state.result(raise_on_failure=False, _sync=True)  # type: ignore[call-overload] # taken by its dispatcher
    return not isinstance(error, UnfitTableError)


@task(
    retries=_TRIES_AGAIN,
    retry_delay_seconds=exponential_backoff(backoff_factor=2),
    retry_jitter_factor=0.5,
    retry_condition_fn=worth_another_try,
    cache_policy=NO_CACHE,
)
def extract_bronze_data(source: str) -> pa.Table | None:
    """Read the table `source` of the bucket bronze; None when there is none.

    It is asked, not caught: a flow is sent to its process as a pickle, in which deltalake's own exceptions become other classes.
    """
    address, storage = f"s3://bronze/{source}", _storage()
    if not DeltaTable.is_deltatable(address, storage_options=storage):
        return None
    return DeltaTable(address, storage_options=storage).to_pyarrow_table()


@task(cache_policy=NO_CACHE)
def transform_to_silver(raw: pa.Table) -> pa.Table:
    """Give the distinct rows whose `valor` is above zero, with `processed_ts`.

    Raises
    ------
    UnfitTableError
        There is no such column.
    """
    if AMOUNT not in raw.column_names:
        raise UnfitTableError(
            f"The table has no column {AMOUNT}.", why=f"It has {', '.join(raw.column_names)}.", fix="Name another source."
        )
    distinct = raw.group_by(raw.column_names).aggregate([])
    kept = distinct.filter(pc.greater(distinct[AMOUNT], 0))
    now = pa.array([datetime.now(UTC)] * kept.num_rows, pa.timestamp("us", tz="UTC"))
    return kept.append_column("processed_ts", now)


@task(
    retries=_TRIES_AGAIN,
    retry_delay_seconds=exponential_backoff(backoff_factor=2),
    retry_jitter_factor=0.5,
    cache_policy=NO_CACHE,
)
def load_to_silver(clean: pa.Table, destination: str) -> str:
    """Put the rows in place of the table `destination` of the bucket silver, in one commit; give its address."""
    address = f"s3://silver/{destination}"
    write_deltalake(address, clean, mode="overwrite", schema_mode="overwrite", storage_options=_storage())
    return address


@flow(task_runner=ThreadPoolTaskRunner(max_workers=1))  # type: ignore[arg-type]  # Prefect's own types disagree
def bronze_to_silver_etl(source: str = "raw_data_source1/table1", destination: str = "clean_data_domain1/table1") -> Any:
    """Clean a bronze table into a silver one; a source that nobody has filled yet is no failure."""
    raw = extract_bronze_data(source)
    if raw is None:
        return Completed(name="NothingYet", message=f"There is no table bronze/{source} yet.")
    return load_to_silver(transform_to_silver(raw), destination)


def _storage() -> dict[str, str]:
    return delta_options(load_lab(), FLOWS)
