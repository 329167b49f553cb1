# loses: delta.travel
# VACUUM alone: it frees what nobody needs, and leaves as many small files as there were.

# %% tags=["solution:undo-tidy"]
def undo(table: str, version: int) -> None:
    lake.table(table).restore(version)


def tidy(table: str) -> None:
    lake.table(table).vacuum(7 * 24, dry_run=False)
