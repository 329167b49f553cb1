# loses: delta.travel
# Wants the disk back now, and switches the check off: the log still names versions that nobody can read.

# %% tags=["solution:undo-tidy"]
def undo(table: str, version: int) -> None:
    lake.table(table).restore(version)


def tidy(table: str) -> None:
    lake.table(table).optimize.compact()
    lake.table(table).vacuum(0, dry_run=False, enforce_retention_duration=False)
