# loses: delta.travel
# VACUUM alone: it frees what nobody needs, and leaves as many small files as there were.

# %% tags=["solution:undo-tidy"]
def undo(table: str, version: int) -> None:
    DeltaTable.forPath(spark, table).restoreToVersion(version)


def tidy(table: str) -> None:
    delta_table = DeltaTable.forPath(spark, table)
    delta_table.vacuum(7 * 24)
