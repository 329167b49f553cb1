"""Collecting: the newest submission of each student, written where nbgrader looks for it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from dataflow_hub.exchange import durable
from dataflow_hub.exchange.model import Collected
from dataflow_hub.exchange.receipts import Receipt

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dataflow_hub.exchange.submissions import Submissions

_SECRET = "submission_secret.txt"  # noqa: S105 - nbgrader's name of a file that only its own exchange may write


def newest_of_each(receipts: Iterable[Receipt], *, before_due: bool = False) -> list[Receipt]:
    """Give the one receipt per student that counts.

    That is the newest; with `before_due`, the newest that is not late if there is one.
    """
    chosen: dict[str, Receipt] = {}
    for receipt in sorted(receipts, key=lambda each: each.time):
        kept = chosen.get(receipt.user)
        if not (before_due and kept and not kept.late and receipt.late):
            chosen[receipt.user] = receipt
    return [chosen[user] for user in sorted(chosen)]


def write_submission(submissions: Submissions, receipt: Receipt, folder: Path) -> Collected:
    """Write one submission with the server's `timestamp.txt` and its receipt to `folder`, unless it is there already."""
    present = folder / "receipt.json"
    if present.is_file() and _same(present, receipt):
        return Collected(user=receipt.user, receipt=receipt, path=folder, new=False)
    files = {name: content for name, content in submissions.files(receipt).items() if name != _SECRET}
    files["timestamp.txt"] = receipt.timestamp.encode("ascii")  # whatever the student put there, the server's time wins
    files["receipt.json"] = durable.encode_json(receipt.to_json())
    folder.parent.mkdir(parents=True, exist_ok=True)
    staged = folder.parent / f".{folder.name}.{secrets.token_hex(4)}"
    try:
        for name, content in files.items():
            path = staged / name
            path.parent.mkdir(parents=True, exist_ok=True)
            durable.write_file(path, content, 0o600)
        durable.remove_tree(folder)  # what was collected before is still in the store: a crash here costs nothing
        staged.rename(folder)
    finally:
        durable.remove_tree(staged)
    return Collected(user=receipt.user, receipt=receipt, path=folder, new=True)


def _same(present: Path, receipt: Receipt) -> bool:
    try:
        return Receipt.from_json(durable.read_json(present)) == receipt
    except (ValueError, KeyError, TypeError):
        return False
