# Builds an Arrow table, columns in another order, and says int32.

# %% tags=["solution:count-lines"]
import json

import pandas as pd
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from dataflow_kernels.checks.bench import landing_files


def count_lines(landing: str, table: str) -> None:
    files = landing_files(landing, lake.storage_options)
    lines = pa.array([len(content.splitlines()) for content in files.values()], pa.int32())
    rows = pa.table({"lines": lines, "file": pa.array(list(files), pa.string())})
    write_deltalake(table, rows, mode="overwrite", storage_options=lake.storage_options or None)
