# loses: delta.restore
# Deletes what the accident wrote: that is every row.

# %% tags=["solution:undo-tidy"]
def undo(table: str, version: int) -> None:
    DeltaTable.forPath(spark, table).delete("plano = 'ouro'")


def tidy(table: str) -> None:
    delta_table = DeltaTable.forPath(spark, table)
    delta_table.optimize().executeCompaction()
    delta_table.vacuum(7 * 24)
