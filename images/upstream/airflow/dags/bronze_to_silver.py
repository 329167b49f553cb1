"""Bronze to silver, once a night: duplicates and amounts that are not positive out, a time of processing in.

One task, and not one for each step: what Airflow passes between tasks goes through its database, which is no place for a table.
It runs in an environment of its own, which is made the first time and kept.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, task

NOTHING_YET = 99  # how the task says that nobody has filled the source: skipped, not failed


@task.virtualenv(
    requirements=["deltalake==1.6.6", "pyarrow==25.0.1"],
    system_site_packages=False,
    expect_airflow=False,
    venv_cache_path="/opt/airflow/environments",
    skip_on_exit_code=NOTHING_YET,
    retries=3,
    retry_delay=timedelta(seconds=30),
    retry_exponential_backoff=True,
)
def clean(source: str, destination: str) -> int:
    """Put the distinct rows of `source` whose `valor` is above zero in place of the table `destination`; give how many there are."""
    # The function travels alone: it brings its imports and names nothing outside.
    import os
    import sys
    from datetime import UTC, datetime
    from pathlib import Path

    import pyarrow as pa
    import pyarrow.compute as pc
    from deltalake import DeltaTable, write_deltalake

    storage = {}
    if source.startswith("s3://"):
        storage = {
            "AWS_ENDPOINT_URL": os.environ["LAB_S3_ENDPOINT"],
            "AWS_ACCESS_KEY_ID": "flows",
            "AWS_SECRET_ACCESS_KEY": Path("/run/secrets/store-flows-key").read_text(encoding="utf-8").strip(),
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
            "AWS_CONDITIONAL_PUT": "etag",  # a commit that loses the race is refused by the store
        }
    if not DeltaTable.is_deltatable(source, storage_options=storage):
        sys.exit(99)
    raw = DeltaTable(source, storage_options=storage).to_pyarrow_table()
    distinct = raw.group_by(raw.column_names).aggregate([])
    kept = distinct.filter(pc.greater(distinct["valor"], 0))
    now = pa.array([datetime.now(UTC)] * kept.num_rows, pa.timestamp("us", tz="UTC"))
    result = kept.append_column("processed_ts", now)
    write_deltalake(destination, result, mode="overwrite", schema_mode="overwrite", storage_options=storage)
    return result.num_rows


@dag(
    schedule="15 3 * * *",
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,  # two at once would overwrite each other's table
    params={"source": "raw_data_source1/table1", "destination": "clean_data_domain1/table1"},
    tags=["medallion"],
)
def bronze_to_silver() -> None:
    """Clean one bronze table into a silver one; a run may name others as its parameters."""
    clean("s3://bronze/{{ params.source }}", "s3://silver/{{ params.destination }}")


bronze_to_silver()
