"""A submitted notebook is read within limits before anything else touches it."""

from __future__ import annotations

import json
import time
import tracemalloc
from pathlib import Path

import nbformat
import pytest

from dataflow_hub.grading import run_intake
from dataflow_hub.grading.run_intake import MAX_BYTES, MAX_CELLS, SubmissionRefusedError


def notebook(*cells: dict[str, object], **more: object) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells), **more}).encode()


def code(source: object = "x = 1", **more: object) -> dict[str, object]:
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None, **more}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe", id="not text"),
        pytest.param(b"PK\x03\x04", id="zip"),
        pytest.param(b'{"nbformat": 3}', id="format 3"),
        pytest.param(b"[" * 4_000_000, id="deep"),
        pytest.param(b"[]" * 4_000_000, id="many parts"),
        pytest.param(b'"a",' * 2_000_000, id="many strings"),
        pytest.param(notebook(*[code()] * (MAX_CELLS + 1)), id="many cells"),
        pytest.param(b'{"nbformat": 4, "cells": [NaN]}', id="NaN"),
        pytest.param(notebook(code(source=5)), id="no text"),
        pytest.param(notebook({"cell_type": "evil"}), id="unknown cell"),
    ],
)
def test_hostile_content_is_refused_within_a_second_and_little_memory(content: bytes) -> None:
    """Whatever is no notebook, or too much of one, is refused with a reason: in under 1 s and 200 MB."""
    tracemalloc.start()
    begin = time.perf_counter()
    with pytest.raises(SubmissionRefusedError) as refused:
        run_intake.clean(run_intake.parse(content))
    seconds, (_, peak) = time.perf_counter() - begin, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused.value.what
    assert seconds < 1
    assert peak < 200 * 2**20


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """200 MB of outputs are told from the file's size, with a way out."""
    path = tmp_path / "big.ipynb"
    with path.open("wb") as file:
        file.truncate(200 * 2**20)
    with pytest.raises(SubmissionRefusedError, match=str(MAX_BYTES // 2**20)):
        run_intake.read_submission(path)


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A submitted link is not read, wherever it points."""
    (tmp_path / "link.ipynb").symlink_to("/etc/passwd")
    with pytest.raises(SubmissionRefusedError):
        run_intake.read_submission(tmp_path / "link.ipynb")


def test_brackets_in_code_do_not_count_as_nesting() -> None:
    """A cell may hold any text: quotes, backslashes, brackets."""
    text = '"[[[[' * 100 + "\\" + "{" * 100
    assert run_intake.clean(run_intake.parse(notebook(code(text)))).cells[0].source == text


def test_bom_lists_and_doubled_ids_are_mended() -> None:
    """A byte order mark, sources as lists of lines and doubled cell ids are harmless, and accepted."""
    content = b"\xef\xbb\xbf" + notebook(code(["a\n", "b"], id="same"), code(id="same"))
    cells = run_intake.clean(run_intake.parse(content)).cells
    assert cells[0].source == "a\nb"
    assert len({cell.id for cell in cells}) == 2


def _graded(source: str, grade_id: str, points: float, *, locked: bool = True) -> nbformat.NotebookNode:
    cell = nbformat.v4.new_code_cell(source)
    cell.metadata["nbgrader"] = {"grade_id": grade_id, "grade": True, "solution": False, "locked": locked, "points": points}
    return cell


def test_edited_points_checks_and_ids_are_put_back() -> None:
    """Edited points, rewritten checks, doubled claims and deleted cells come back as they were released."""
    source = nbformat.v4.new_notebook(cells=[_graded("assert x", "q1", 5), _graded("assert y", "q2", 5)])
    edited = nbformat.v4.new_notebook(cells=[_graded("pass", "q1", 500), _graded("pass", "q1", 7), _graded("pass", "new", 9)])
    restored = run_intake.restore(edited, source)
    claims = [
        (cell.metadata.nbgrader.grade_id, cell.metadata.nbgrader.points, cell.source)
        for cell in restored.cells
        if "nbgrader" in cell.metadata
    ]
    assert claims == [("q1", 5, "assert x"), ("q2", 5, "assert y")]


def test_a_copy_is_made_safe_once_and_its_reason_kept(tmp_path: Path) -> None:
    """Reading a refused submission again gives the same reason; a new one in its place is read afresh."""
    source = nbformat.v4.new_notebook(cells=[_graded("assert x", "q1", 5)])
    path, record = tmp_path / "hw.ipynb", tmp_path / "record.json"
    path.write_bytes(b"no notebook")
    first = run_intake.write_sanitised(path, record, source)
    assert first
    assert run_intake.write_sanitised(path, record, source) == first
    path.write_bytes(notebook(code()))
    assert run_intake.write_sanitised(path, record, source) == ""
