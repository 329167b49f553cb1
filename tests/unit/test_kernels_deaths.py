"""A writer dies when it was told to, and everything is as before afterwards."""

import pytest
from delta.tables import DeltaMergeBuilder
from deltalake.table import TableMerger
from pyspark.sql import DataFrameWriter, SparkSession

from dataflow_kernels.deaths import WriterDied, dying_after


@pytest.fixture
def written(monkeypatch):
    """Writers that note what they wrote and need no Spark."""
    done = []
    monkeypatch.setattr(DataFrameWriter, "save", lambda _, path: done.append(path))
    for merge in (DeltaMergeBuilder, TableMerger):
        monkeypatch.setattr(merge, "execute", lambda _: done.append("merge"))
    monkeypatch.setattr(SparkSession, "sql", lambda _, query: done.append(query))
    return done


def write_both():
    DeltaMergeBuilder.execute(None)
    SparkSession.sql(None, "SELECT 1")
    DataFrameWriter.save(None, "letters")
    return "checkpoint"


@pytest.mark.parametrize(
    ("writes", "left"),
    [(0, []), (1, ["merge"]), (2, ["merge", "SELECT 1", "letters"]), (3, ["merge", "SELECT 1", "letters"])],
)
def test_so_many_writes_are_finished(written, writes, left):
    """Before the first write, between two, after the last; a query that only reads does not count."""
    lived = []
    with dying_after(writes):
        lived.append(write_both())
    assert written == left
    assert lived == (["checkpoint"] if writes == 3 else [])


def test_an_sql_statement_that_writes_counts(written):
    """MERGE and INSERT, however they are written."""
    with dying_after(1):
        SparkSession.sql(None, "\n  merge INTO t USING s ON t.a = s.a")
        SparkSession.sql(None, "SELECT 2")
    assert len(written) == 1


def test_a_merge_without_spark_counts(written):
    """delta-rs' MERGE is a write like Spark's."""
    with dying_after(1):
        TableMerger.execute(None)
        TableMerger.execute(None)
    assert written == ["merge"]


def test_the_writers_live_on_afterwards(written):
    """Nothing is left of the death outside the block, and an error of another kind is not hidden."""
    with dying_after(0):
        write_both()
    write_both()
    assert written == ["merge", "SELECT 1", "letters"]
    with pytest.raises(ZeroDivisionError), dying_after(5):
        _ = 1 / 0


def test_whoever_swallows_the_death_meets_it_again(written):
    """A dead writer stays dead: a retry inside the batch writes nothing."""
    with dying_after(1):
        for _ in range(3):
            try:
                write_both()
            except WriterDied:
                continue
    assert written == ["merge"]
