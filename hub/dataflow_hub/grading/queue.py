"""What is to be graded, kept in a file: any number of workers take from it, and being killed at any moment loses nothing."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_ATTEMPTS = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    lesson TEXT NOT NULL, student TEXT NOT NULL, stamp TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'running', 'done', 'review')),
    worker TEXT NOT NULL DEFAULT '', attempts INTEGER NOT NULL DEFAULT 0,
    detail TEXT NOT NULL DEFAULT '', seconds REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (lesson, student));
"""


@dataclass(frozen=True)
class Job:
    """One submission to grade; `stamp` tells this submission from the student's next one."""

    lesson: str
    student: str
    stamp: str
    state: str
    detail: str
    seconds: float


class Queue:
    """The jobs of one course, in the SQLite file at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._connection() as connection:
            connection.executescript(_SCHEMA)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            yield connection

    def add(self, lesson: str, student: str, stamp: str, *, again: bool = False) -> bool:
        """Ask for a submission to be graded; tell whether that is needed. `again` grades one that was graded already."""
        with self._connection() as connection:
            changed = connection.execute(
                "INSERT INTO jobs (lesson, student, stamp, state) VALUES (?1, ?2, ?3, 'pending') ON CONFLICT DO UPDATE "
                "SET stamp = ?3, state = 'pending', worker = '', attempts = 0, detail = '' "
                "WHERE state IN ('done', 'review') AND (stamp <> ?3 OR state = 'review' OR ?4) "
                "OR state = 'pending' AND stamp <> ?3 RETURNING 1",
                (lesson, student, stamp, again),
            ).fetchall()
        return bool(changed)

    def take(self, lesson: str) -> Job | None:
        """Take one pending job for this process; None when there is none left."""
        with self._connection() as connection:
            row = connection.execute(
                "UPDATE jobs SET state = 'running', worker = ?, attempts = attempts + 1 WHERE (lesson, student) = "
                "(SELECT lesson, student FROM jobs WHERE state = 'pending' AND lesson = ? ORDER BY student LIMIT 1) "
                "RETURNING lesson, student, stamp, state, detail, seconds",
                (_identity(os.getpid()), lesson),
            ).fetchone()
        return Job(*row) if row else None

    def finish(self, job: Job, *, seconds: float, review: str = "") -> None:
        """Record how a job that this process took has ended; `review` says why a person has to look."""
        with self._connection() as connection:
            connection.execute(
                "UPDATE jobs SET state = ?, detail = ?, seconds = ?, worker = '' "
                "WHERE lesson = ? AND student = ? AND stamp = ? AND worker = ?",
                ("review" if review else "done", review, seconds, job.lesson, job.student, job.stamp, _identity(os.getpid())),
            )

    def recover(self) -> int:
        """Give back the jobs of workers that are no more; one that took its worker down each time needs review instead."""
        with self._connection() as connection:
            workers = [row[0] for row in connection.execute("SELECT DISTINCT worker FROM jobs WHERE state = 'running'")]
            gone = [worker for worker in workers if not _is_alive(worker)]
            for worker in gone:
                connection.execute(
                    "UPDATE jobs SET state = CASE WHEN attempts >= ? THEN 'review' ELSE 'pending' END, worker = '', "
                    "detail = CASE WHEN attempts >= ? THEN 'The grading process died each time.' ELSE '' END "
                    "WHERE state = 'running' AND worker = ?",
                    (MAX_ATTEMPTS + 1, MAX_ATTEMPTS + 1, worker),
                )
        return len(gone)

    def jobs(self, lesson: str) -> list[Job]:
        """Give the jobs of a lesson, by student."""
        with self._connection() as connection:
            query = "SELECT lesson, student, stamp, state, detail, seconds FROM jobs WHERE lesson = ? ORDER BY student"
            return [Job(*row) for row in connection.execute(query, (lesson,))]


def _identity(pid: int) -> str:
    return f"{pid}:{_start_time(pid)}"  # a number alone may be another process by then


def _start_time(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _is_alive(worker: str) -> bool:
    pid, _, started = worker.partition(":")
    return bool(started) and _start_time(int(pid)) == started
