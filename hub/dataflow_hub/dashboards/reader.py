"""What the dashboards read: the Delta tables of the gold bucket, and how fresh the live one is. Nothing is ever written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dataflow_hub.errors import ServiceError
from dataflow_hub.services import object_store
from dataflow_hub.services.live_orders import TABLE as LIVE_TABLE
from dataflow_hub.services.store_accounts import DASHBOARDS, credentials, delta_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from minio import Minio

    from dataflow_hub.settings import Lab

BUCKET = "gold"
STALE_AFTER = timedelta(seconds=30)  # the stream commits every few seconds while events come
MOST_ROWS = 1_000
_DEPTH = 3


@dataclass(frozen=True)
class Table:
    """A table as it was when it was read: `rows` are at most `MOST_ROWS` of `n_rows`."""

    name: str
    version: int
    changed: datetime
    n_rows: int
    rows: pd.DataFrame


@dataclass(frozen=True)
class Live:
    """The live orders: what is in the table, and since when nothing new has arrived."""

    n_events: int
    newest: datetime | None
    by_kind: pd.DataFrame
    by_minute: pd.DataFrame

    def is_stale(self, now: datetime) -> bool:
        """Tell whether the source seems to have stopped."""
        return self.newest is None or now - self.newest > STALE_AFTER


def table_names(lab: Lab) -> list[str]:
    """Give the names of the gold tables, the live one left out, sorted.

    Raises
    ------
    ServiceError
        The object store does not answer.
    """
    from minio.error import S3Error
    from urllib3 import PoolManager, Retry
    from urllib3.exceptions import HTTPError

    access_key, secret_key = credentials(lab, DASHBOARDS)
    client = object_store.client_of(lab, access_key, secret_key, PoolManager(timeout=5, retries=Retry(total=1)))
    try:
        return sorted(set(_below(client, "", _DEPTH)) - {LIVE_TABLE})
    except (S3Error, HTTPError, OSError) as error:
        raise ServiceError("The object store does not answer.", why=str(error), fix="./lab status") from error


def read_table(lab: Lab, name: str) -> Table:
    """Read a gold table's newest version.

    Raises
    ------
    ServiceError
        It is gone, damaged, or the store does not answer.
    """
    found = _open(lab, name)
    if found is None:
        raise ServiceError(f"There is no table {name} any more.", fix="Choose another one.")
    dataset, version, changed = found
    return Table(name, version, changed, dataset.count_rows(), dataset.head(MOST_ROWS).to_pandas())


def read_live(lab: Lab) -> Live | None:
    """Read the live orders, or None where the stream never ran.

    Raises
    ------
    ServiceError
        The store does not answer.
    """
    import duckdb

    found = _open(lab, LIVE_TABLE)
    if found is None:
        return None
    with duckdb.connect() as connection:
        connection.register("live", found[0])
        n_events, newest = connection.sql("select count(*), epoch_ms(max(chegada)) from live").fetchall()[0]
        by_kind = connection.sql(
            "select tipo, count(*) as eventos, round(sum(valor), 2) as valor from live group by tipo order by tipo"
        ).df()
        by_minute = connection.sql(
            "select time_bucket(interval 1 minute, chegada) as minuto, count(*) as eventos from live "
            "where chegada > (select max(chegada) from live) - interval 30 minutes group by minuto order by minuto"
        ).df()
    return Live(n_events, datetime.fromtimestamp(newest / 1000, UTC) if newest else None, by_kind, by_minute)


def _below(client: Minio, prefix: str, depth: int) -> Iterator[str]:
    """Give the folders below `prefix` that hold a Delta log; inside a table there is no other."""
    folders = [str(each.object_name) for each in client.list_objects(BUCKET, prefix=prefix) if each.is_dir]
    if f"{prefix}_delta_log/" in folders:
        yield prefix.rstrip("/")
    elif depth:
        for folder in folders:
            if not folder.removeprefix(prefix).startswith("_"):
                yield from _below(client, folder, depth - 1)


def _open(lab: Lab, name: str) -> tuple[Any, int, datetime] | None:
    """Give a table's dataset, version and time of the last change, or None when there is no such table."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    try:
        table = DeltaTable(f"s3://{BUCKET}/{name}", storage_options=delta_options(lab, DASHBOARDS))
        last = table.history(1)[0]
        return table.to_pyarrow_dataset(), table.version(), datetime.fromtimestamp(int(last["timestamp"]) / 1000, UTC)
    except TableNotFoundError:
        return None
    except (DeltaError, OSError) as error:
        raise ServiceError(
            f"The table {name} cannot be read.", why=str(error)[:300], fix="./lab status, then ./lab logs object-store"
        ) from error
