"""The history of marks: written by the database itself at each change, whoever makes it, and never changed or deleted."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS mark_history (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    student TEXT, lesson TEXT, cell TEXT, old_auto REAL, new_auto REAL, old_manual REAL, new_manual REAL, old_extra REAL, new_extra REAL);
CREATE TRIGGER IF NOT EXISTS mark_history_kept BEFORE UPDATE ON mark_history
BEGIN SELECT RAISE(ABORT, 'the history of marks is only added to'); END;
CREATE TRIGGER IF NOT EXISTS mark_history_stays BEFORE DELETE ON mark_history
BEGIN SELECT RAISE(ABORT, 'the history of marks is only added to'); END;
CREATE TRIGGER IF NOT EXISTS mark_changed AFTER UPDATE OF auto_score, manual_score, extra_credit ON grade
WHEN OLD.auto_score IS NOT NEW.auto_score OR OLD.manual_score IS NOT NEW.manual_score OR OLD.extra_credit IS NOT NEW.extra_credit
BEGIN
    INSERT INTO mark_history (student, lesson, cell, old_auto, new_auto, old_manual, new_manual, old_extra, new_extra)
    SELECT s.student_id, a.name, c.name, OLD.auto_score, NEW.auto_score, OLD.manual_score, NEW.manual_score,
        OLD.extra_credit, NEW.extra_credit
    FROM submitted_notebook n JOIN submitted_assignment s ON n.assignment_id = s.id JOIN assignment a ON s.assignment_id = a.id
    JOIN base_cell c ON c.id = NEW.cell_id WHERE n.id = NEW.notebook_id;
END;
"""


@dataclass(frozen=True)
class Change:
    """One change of one cell's mark."""

    number: int
    at: str
    student: str
    lesson: str
    cell: str
    old_auto: float | None
    new_auto: float | None
    old_manual: float | None
    new_manual: float | None
    old_extra: float | None
    new_extra: float | None


def keep_history(path: Path) -> None:
    """Have the gradebook at `path` keep a history of its marks from now on."""
    with closing(sqlite3.connect(path, timeout=30)) as connection, connection:
        connection.executescript(_SCHEMA)


def history(path: Path, lesson: str = "", student: str = "") -> list[Change]:
    """Give the changes of marks, oldest first, of one lesson or student if named."""
    query = "SELECT * FROM mark_history WHERE (?1 = '' OR lesson = ?1) AND (?2 = '' OR student = ?2) ORDER BY number"
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        return [Change(*row) for row in connection.execute(query, (lesson, student))]
