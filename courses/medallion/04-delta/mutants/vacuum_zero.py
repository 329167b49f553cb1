# loses: delta.travel
# Wants the disk back now, and switches the check off: the log still names versions that nobody can read.

# %% tags=["solution:undo-tidy"]
def undo(table: str, version: int) -> None:
    DeltaTable.forPath(spark, table).restoreToVersion(version)


def tidy(table: str) -> None:
    delta_table = DeltaTable.forPath(spark, table)
    delta_table.optimize().executeCompaction()
    spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", False)
    delta_table.vacuum(0)
