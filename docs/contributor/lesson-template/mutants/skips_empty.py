# loses: counts.schema, counts.empty
# "Nothing in it, nothing to count": the file is gone from the table.

# %% tags=["solution:count-lines"]
import json

import pandas as pd
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from dataflow_kernels.checks.bench import landing_files


def count_lines(landing: str, table: str) -> None:
    files = landing_files(landing, lake.storage_options)
    rows = pd.DataFrame([(name, content.count(b"\n")) for name, content in files.items() if content], columns=["file", "lines"])
    write_deltalake(table, rows, mode="overwrite", storage_options=lake.storage_options or None)
