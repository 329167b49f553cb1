# loses: counts.schema, counts.lines, counts.empty
# Returns inside the loop: the first file is all there is.

# %% tags=["solution:count-lines"]
import json

import pandas as pd
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from dataflow_kernels.checks.bench import landing_files


def count_lines(landing: str, table: str) -> None:
    files = landing_files(landing, lake.storage_options)
    for name, content in files.items():
        rows = pd.DataFrame({"file": [name], "lines": [content.count(b"\n")]})
        write_deltalake(table, rows, mode="overwrite", storage_options=lake.storage_options or None)
        return
