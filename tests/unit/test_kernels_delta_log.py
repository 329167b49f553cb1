"""The log explorer: what it says of a data file is what a reader of that version would meet."""

import json

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from dataflow_kernels.delta_log import explorer, page, read_commits, states


def commit(*actions):
    return "\n".join(json.dumps(action) for action in actions).encode()


def add(name, rows):
    return {"add": {"path": name, "stats": json.dumps({"numRecords": rows})}}


LOG = {
    "00000000000000000000.json": commit({"commitInfo": {"operation": "WRITE"}}, add("a.parquet", 3), add("b.parquet", 2)),
    "00000000000000000001.json": commit({"commitInfo": {"operation": "MERGE"}}, {"remove": {"path": "a.parquet"}}, add("c.parquet", 4)),
    "00000000000000000001.crc": b"{}",
    "00000000000000000010.checkpoint.parquet": b"PAR1",
    "_last_checkpoint": b"{}",
}
PRESENT = ["a.parquet", "b.parquet", "c.parquet", "orphan.parquet"]


def test_only_commits_are_read_from_the_folder():
    """Checksums and checkpoints are no commits."""
    commits = read_commits(LOG)
    assert [(each.version, each.operation) for each in commits] == [(0, "WRITE"), (1, "MERGE")]
    assert dict(commits[0].added) == {"a.parquet": 3, "b.parquet": 2}
    assert commits[1].removed == {"a.parquet"}


def test_a_removed_file_is_live_in_older_versions_only():
    """And a file that no commit names is seen by nobody, whenever it came."""
    commits = read_commits(LOG)
    assert states(commits, 0, PRESENT) == {
        "a.parquet": "live", "b.parquet": "live", "c.parquet": "removed", "orphan.parquet": "unnamed",
    }  # fmt: skip
    assert states(commits, 1, PRESENT) == {
        "a.parquet": "removed", "b.parquet": "live", "c.parquet": "live", "orphan.parquet": "unnamed",
    }  # fmt: skip


def test_a_live_file_that_is_missing_is_gone():
    """What VACUUM leaves of old versions: a log that names files which are not there."""
    assert states(read_commits(LOG), 0, ["b.parquet", "c.parquet"])["a.parquet"] == "gone"


@pytest.mark.parametrize(("language", "word"), [("en", "not in the log"), ("pt-BR", "fora do log")])
def test_a_page_speaks_the_students_language(language, word):
    """Actions with their operation, rows and files, and what each file is."""
    text = page(read_commits(LOG), 1, PRESENT, language)
    assert word in text
    assert "MERGE · 6" in text
    assert "<code>remove</code> a.parquet" in text


def test_the_slider_goes_over_the_versions_of_a_real_table(tmp_path, monkeypatch):
    """It opens at the newest version; moving it shows another."""
    monkeypatch.setenv("DATAFLOW_LAKE_ROOT", tmp_path.as_uri())
    monkeypatch.setenv("DATAFLOW_USER", "ana")
    table = (tmp_path / "silver" / "table").as_uri()
    write_deltalake(table, pa.table({"n": [1, 2, 3]}))
    write_deltalake(table, pa.table({"n": [4, 5]}), mode="overwrite")
    slider, shown = explorer(table, "en").children
    assert slider.value == 1
    assert "· 2 rows" in shown.value
    slider.value = 0
    assert "· 3 rows" in shown.value
    assert DeltaTable(table).version() == 1
