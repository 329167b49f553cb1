"""What the exchange keeps, as frozen values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from dataflow_hub.exchange.receipts import Receipt

FaultPoint = Callable[[str], None]
"""Called with the name of each file-system step just done; tests end the process there."""


@dataclass(frozen=True)
class Limits:
    """What one student may hand in and keep, per course."""

    max_files: int = 200
    max_bytes: int = 20 * 2**20
    quota_bytes: int = 400 * 2**20
    max_submissions: int = 100  # of one lesson


@dataclass(frozen=True)
class Release:
    """One published version of a lesson."""

    course: str
    lesson: str
    version: int
    languages: tuple[str, ...]
    published: datetime
    due: datetime | None
    notebooks: tuple[str, ...]  # names without .ipynb, the same in every language


@dataclass(frozen=True)
class Feedback:
    """The newest feedback on one submission: file names with their sha256."""

    receipt_id: str
    version: int
    files: dict[str, str]


@dataclass(frozen=True)
class Collected:
    """A submission that was written for grading; `new` is false when it was already there."""

    user: str
    receipt: Receipt
    path: Path
    new: bool


def server_time() -> datetime:
    """Give the server's time, in UTC."""
    return datetime.now(tz=UTC)


def as_utc(moment: datetime) -> datetime:
    """Give `moment` in UTC.

    Raises
    ------
    ValueError
        It carries no zone: a deadline without one means something else on every machine.
    """
    if moment.tzinfo is None:
        message = "a deadline needs a time zone"
        raise ValueError(message)
    return moment.astimezone(UTC)
