# loses: delta.restore
# Deletes what the accident wrote: that is every row.

# %% tags=["solution:undo-tidy"]
def undo(table: str, version: int) -> None:
    lake.table(table).delete("plano = 'ouro'")


def tidy(table: str) -> None:
    lake.table(table).optimize.compact()
    lake.table(table).vacuum(7 * 24, dry_run=False)
