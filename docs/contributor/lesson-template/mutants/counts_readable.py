# loses: counts.lines
# Counts what is JSON only.

# %% tags=["solution:count-lines"]
import json

import pandas as pd
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from dataflow_kernels.checks.bench import landing_files


def count_lines(landing: str, table: str) -> None:
    files = landing_files(landing, lake.storage_options)
    def readable(line: bytes) -> bool:
        try:
            json.loads(line)
        except ValueError:
            return False
        return True

    counts = [sum(readable(line) for line in content.splitlines()) for content in files.values()]
    write_deltalake(table, pd.DataFrame({"file": list(files), "lines": counts}), mode="overwrite", storage_options=lake.storage_options or None)
