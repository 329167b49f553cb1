# Merges into the table instead of replacing it.

# %% tags=["solution:count-lines"]
import json

import pandas as pd
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from dataflow_kernels.checks.bench import landing_files


def count_lines(landing: str, table: str) -> None:
    files = landing_files(landing, lake.storage_options)
    rows = pa.table({"file": pa.array(list(files), pa.string()), "lines": pa.array([content.count(b"\n") for content in files.values()], pa.int64())})
    options = lake.storage_options or None
    if not DeltaTable.is_deltatable(table, options):
        write_deltalake(table, rows, storage_options=options)
        return
    merge = DeltaTable(table, storage_options=options).merge(rows, "t.file = s.file", source_alias="s", target_alias="t")
    merge.when_matched_update_all().when_not_matched_insert_all().execute()
