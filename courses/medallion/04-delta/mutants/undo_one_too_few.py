# loses: delta.restore
# Goes back to the version after the one that was asked for: the accident itself.

# %% tags=["solution:undo-tidy"]
def undo(table: str, version: int) -> None:
    lake.table(table).restore(version + 1)


def tidy(table: str) -> None:
    lake.table(table).optimize.compact()
    lake.table(table).vacuum(7 * 24, dry_run=False)
