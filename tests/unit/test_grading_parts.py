"""The small parts of grading: copies, queue, outputs, answers of the check process, cells of a spreadsheet."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from dataflow_hub.grading.artefacts import Allowance, ArtefactRefusedError, copy_out
from dataflow_hub.grading.check import sound_outcomes
from dataflow_hub.grading.outputs import sound_outputs
from dataflow_hub.grading.queue import Queue
from dataflow_hub.grading.run_faults import writes_refused
from dataflow_hub.grading.scenario import Fault, Step
from dataflow_hub.operations.grades import plain_cell
from dataflow_kernels.checks.outcome import Outcome, Text
from dataflow_kernels.grading_runner import definitions

OUTCOME = Outcome(score=0.5, expected=Text("a", "b"), found=Text("c", "d"), check="x.y").to_dict()


def test_a_copy_holds_plain_files_only_within_bounds(tmp_path: Path) -> None:
    """Files and folders come over; a skipped name and a missing folder do not; too many files are refused."""
    (tmp_path / "lake" / "t" / "_delta_log").mkdir(parents=True)
    (tmp_path / "lake" / "t" / "_delta_log" / "0.json").write_text("{}")
    (tmp_path / "lake" / "landing").mkdir()
    copy_out(tmp_path, ("lake",), tmp_path / "out", Allowance(100), skip=("landing",))
    assert sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*")) == [
        "t",
        "t/_delta_log",
        "t/_delta_log/0.json",
    ]
    copy_out(tmp_path, ("nothing",), tmp_path / "none", Allowance(100))
    assert list((tmp_path / "none").iterdir()) == []
    with pytest.raises(ArtefactRefusedError):
        copy_out(tmp_path, ("lake",), tmp_path / "few", Allowance(100, n_files=1))
    with pytest.raises(ArtefactRefusedError):
        copy_out(tmp_path, ("lake",), tmp_path / "small", Allowance(1))


def test_a_swapped_folder_is_not_followed(tmp_path: Path) -> None:
    """No part of the way to a table may be a link."""
    (tmp_path / "lake").symlink_to("/etc")
    with pytest.raises(ArtefactRefusedError):
        copy_out(tmp_path, ("lake",), tmp_path / "out", Allowance(2**20))


@pytest.mark.parametrize(
    ("fault", "table", "folder"),
    [("commit_refused", "bronze/t", "bronze/t/_delta_log"), ("writes_refused", "checkpoint/commits", "checkpoint/commits"), ("", "t", "")],
)
def test_a_fault_names_the_folder_that_takes_no_new_file(fault: Fault, table: str, folder: str) -> None:
    """A refused commit is a closed `_delta_log`; any other folder can be closed by its own name."""
    assert Step("ingest", fault=fault, table=table).refused == folder


def test_writes_are_refused_for_the_length_of_the_block(tmp_path: Path) -> None:
    """The folder is there and closed inside the block, open again after, also when the block raises."""
    log = tmp_path / "bronze" / "t" / "_delta_log"
    with pytest.raises(KeyError), writes_refused(tmp_path, ("bronze", "t", "_delta_log"), None):
        assert log.stat().st_mode & 0o222 == 0
        raise KeyError
    assert log.stat().st_mode & 0o200


def test_each_job_is_taken_once_and_comes_back_from_the_dead(tmp_path: Path) -> None:
    """Two takers never get the same job; a dead worker's job is pending again; an unchanged one is not graded twice."""
    queue = Queue(tmp_path / "queue.db")
    assert queue.add("l", "ana", "1")
    assert not queue.add("l", "ana", "1")
    job = queue.take("l")
    assert job
    assert queue.take("l") is None
    assert queue.recover() == 0
    child = os.fork()
    if child == 0:
        Queue(tmp_path / "queue.db").add("l", "bia", "1")
        Queue(tmp_path / "queue.db").take("l")
        os._exit(0)
    os.waitpid(child, 0)
    assert queue.recover() == 1
    queue.finish(job, seconds=1)
    assert [each.state for each in queue.jobs("l")] == ["done", "pending"]
    assert not queue.add("l", "ana", "1")
    assert queue.add("l", "ana", "2")


def test_outputs_are_harmless_whatever_came() -> None:
    """Scripts, unknown kinds and non-outputs are gone; tables and pictures stay."""
    html = "<table onclick=x><tr><td>1</td></tr></table><script>alert(1)</script><img src=x onerror=y>"
    cell = [
        {"output_type": "display_data", "data": {"text/html": html, "application/javascript": "x"}},
        {"output_type": "stream", "name": "evil", "text": "x"},
        {"output_type": "stream", "name": "stdout", "text": "hi"},
        "nonsense",
    ]
    (kept,) = sound_outputs([cell], 1)
    assert [output["output_type"] for output in kept] == ["display_data", "stream"]
    assert kept[0]["data"] == {"text/html": "<table><tbody><tr><td>1</td></tr></tbody></table>alert(1)"}
    assert sound_outputs("garbage", 2) == [[], []]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param([], id="missing"),
        pytest.param([OUTCOME, OUTCOME], id="doubled"),
        pytest.param([OUTCOME | {"check": "z.z"}], id="unknown"),
        pytest.param([OUTCOME | {"score": -1}], id="negative"),
        pytest.param([OUTCOME | {"score": 1.5}], id="over the maximum"),
        pytest.param([OUTCOME | {"score": float("nan")}], id="NaN"),
        pytest.param([OUTCOME | {"score": True}], id="not a number"),
        pytest.param([{"check": "x.y", "score": 1}], id="no schema"),
        pytest.param({}, id="not a list"),
    ],
)
def test_an_unsound_answer_of_the_check_process_is_no_mark(answer: object) -> None:
    """Anything but one sound outcome a check is refused, never read as a score."""
    with pytest.raises(ValueError):  # noqa: PT011 - any reason will do
        sound_outcomes(json.dumps(answer).encode(), ["x.y"])


def test_a_sound_answer_is_read() -> None:
    """One outcome for each check, in order."""
    assert sound_outcomes(json.dumps([OUTCOME]).encode(), ["x.y"])[0].score == 0.5


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_no_cell_of_the_export_is_a_formula(text: str) -> None:
    """A name that starts like a formula is text to a spreadsheet."""
    assert plain_cell(text) == "'" + text
    assert plain_cell("Ana") == "Ana"


def test_a_revived_kernel_gets_definitions_and_no_effects() -> None:
    """Imports, functions, classes and assignments are kept; calls for their effect, loops and broken cells are not."""
    kept = definitions(["import os\nx = 1\nprint(x)", "def f():\n    return x\nf()", "for i in y: pass", "(((", "%time z = 2"])
    assert kept == ["import os", "x = 1", "def f():\n    return x"]
