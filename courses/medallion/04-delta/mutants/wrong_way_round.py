# loses: delta.version
# The rows that are gone instead of those that came.

# %% tags=["solution:changed-rows"]
def changed_rows(table: str, version: int) -> DataFrame:
    before, after = (spark.read.option("versionAsOf", n).format("delta").load(table) for n in (version - 1, version))
    return before.exceptAll(after)
