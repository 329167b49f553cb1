# loses: counts.lines
# Counts different lines: what landed twice is there once.

# %% tags=["solution:count-lines"]
import json

import pandas as pd
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from dataflow_kernels.checks.bench import landing_files


def count_lines(landing: str, table: str) -> None:
    files = landing_files(landing, lake.storage_options)
    rows = pd.DataFrame({"file": list(files), "lines": [len(set(content.splitlines())) for content in files.values()]})
    write_deltalake(table, rows, mode="overwrite", storage_options=lake.storage_options or None)
