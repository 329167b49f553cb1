"""Traces: a text is found wherever a file still holds it, and nowhere else. Lineage: what did not end well made nothing."""

import pandas as pd
from deltalake import DeltaTable, write_deltalake

from dataflow_kernels.lineage import draw, edges
from dataflow_kernels.traces import contents, traces


def folders(found):
    return {each["folder"] for each in found}


def test_a_deleted_row_is_found_until_its_file_is_gone(tmp_path):
    """DELETE leaves the old file, and writes the predicate into the log; VACUUM takes the file."""
    table = tmp_path / "silver" / "clientes"
    write_deltalake(str(table), pd.DataFrame({"pessoa": ["ana", "rui"], "email": ["ana@example.com", "rui@example.com"]}))
    DeltaTable(str(table)).delete("pessoa = 'ana'")
    assert any(each["file"].startswith("part-") for each in traces(str(tmp_path), ["ana@example.com"]))
    DeltaTable(str(table)).vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    assert not any(each["file"].startswith("part-") for each in traces(str(tmp_path), ["ana@example.com"]))
    assert folders(traces(str(tmp_path), ["'ana'"])) == {"silver/clientes/_delta_log"}
    assert traces(str(tmp_path), ["nobody", ""]) == []


def test_a_file_that_is_only_half_there_is_searched_too(tmp_path):
    """A writer that died leaves bytes that are no Parquet file."""
    (tmp_path / "part-0.parquet").write_bytes(b"PAR1 ana@example.com")
    (tmp_path / "log.txt").write_text("São Luís", encoding="utf-8")
    assert set(contents(str(tmp_path))) == {"log.txt", "part-0.parquet"}
    assert [(each["file"], each["found"]) for each in traces(str(tmp_path), ["ana@", "example", "São"])] == [
        ("log.txt", 1),
        ("part-0.parquet", 2),
    ]


def event(kind, inputs, outputs):
    return {"eventType": kind, "inputs": [{"name": name} for name in inputs], "outputs": [{"name": name} for name in outputs]}


def test_only_jobs_that_ended_well_make_edges():
    """And a job without an output makes none."""
    told = [event("COMPLETE", ["a", "b"], ["c"]), event("FAIL", ["x"], ["y"]), event("COMPLETE", ["a"], []), {"eventType": "COMPLETE"}]
    assert edges(told) == {("a", "c"), ("b", "c")}


def test_the_picture_says_its_edges():
    """For who cannot see it; names are escaped."""
    picture = draw({("landing/a.jsonl", "bronze/<a>"), ("bronze/<a>", "mart/a")})
    assert repr(picture) == "bronze/<a> → mart/a; landing/a.jsonl → bronze/<a>"
    assert "bronze/&lt;a&gt;" in picture._repr_html_()
    assert repr(draw([])) == "—"
