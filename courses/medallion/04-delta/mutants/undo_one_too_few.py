# loses: delta.restore
# Goes back to the version after the one that was asked for: the accident itself.

# %% tags=["solution:undo-tidy"]
def undo(table: str, version: int) -> None:
    DeltaTable.forPath(spark, table).restoreToVersion(version + 1)


def tidy(table: str) -> None:
    delta_table = DeltaTable.forPath(spark, table)
    delta_table.optimize().executeCompaction()
    delta_table.vacuum(7 * 24)
