"""A writer that dies at a point of one's choice, on any lake: for lessons that break a pipeline and watch it recover."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_WRITING_SQL = re.compile(r"\s*(merge|insert|update|delete)\b", re.IGNORECASE)


class WriterDied(Exception):  # noqa: N818 - what a student reads
    """The writer was told to die here."""


class _Countdown:
    """Lets so many writes finish, then kills the one who writes."""

    def __init__(self, writes: int) -> None:
        self.left, self.died = writes, False

    def around(self, write: Callable[..., Any], counts: Callable[..., bool]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            if not counts(*args):
                return write(*args, **kwargs)
            if self.left <= 0:
                self._die()
            result = write(*args, **kwargs)
            self.left -= 1
            if self.left <= 0:
                self._die()
            return result

        return counted

    def _die(self) -> None:
        self.died = True
        message = "the writer died here"
        raise WriterDied(message)


@contextmanager
def dying_after(writes: int) -> Iterator[None]:
    """Let the code within die when it has finished `writes` writes of tables, before the first one when that is 0.

    Saving a DataFrame, a MERGE (Spark's or delta-rs') and an SQL statement that writes each count as one, wherever they happen: in the
    batch function of a stream too. The death ends the `with` block without an error; any other error is raised as usual.
    """
    from delta.tables import DeltaMergeBuilder
    from deltalake.table import TableMerger
    from pyspark.sql import DataFrameWriter, SparkSession

    countdown = _Countdown(writes)
    points: tuple[tuple[type, str, Callable[..., bool]], ...] = (
        (DataFrameWriter, "save", lambda *_: True),
        (DeltaMergeBuilder, "execute", lambda *_: True),
        (TableMerger, "execute", lambda *_: True),
        (SparkSession, "sql", lambda _, query, *__: bool(_WRITING_SQL.match(query))),
    )
    originals = [(kind, name, getattr(kind, name)) for kind, name, _ in points]
    for kind, name, counts in points:
        setattr(kind, name, countdown.around(getattr(kind, name), counts))
    bridge = logging.getLogger("py4j")  # tells of an error in a batch function on stderr; it is the one that was ordered
    level = bridge.level
    bridge.setLevel(logging.CRITICAL)
    try:
        yield
    except Exception:
        if not countdown.died:
            raise
    finally:
        bridge.setLevel(level)
        for kind, name, original in originals:
            setattr(kind, name, original)
