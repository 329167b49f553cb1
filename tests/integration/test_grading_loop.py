"""Whole gradings with the real sandbox, the real nbgrader and its real database."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import docker
import nbformat
import pytest
from tests.integration import grading_lab as tiny

from dataflow_hub.containers.engine import Engine
from dataflow_hub.grading import gradebook
from dataflow_hub.grading.gradebook_audit import history
from dataflow_hub.grading.queue_worker import queue_of, sanitise, work
from dataflow_hub.secrets import lab_id
from dataflow_hub.settings import Lab

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")]


@pytest.fixture
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Lab:
    made = tiny.lab_of_kind(request, tmp_path)
    tiny.release(made)
    return made


def bytes_of(notebook: nbformat.NotebookNode) -> bytes:
    return nbformat.writes(notebook).encode()


def assert_unmarked_because(lab: Lab, reason: str) -> None:
    """Ana's submission waits for review, with that reason, and no cell of it has a mark."""
    (job,) = queue_of(lab, tiny.COURSE).jobs(tiny.LESSON)
    assert (job.state, reason in job.detail) == ("review", True)
    with gradebook.open_gradebook(lab, tiny.COURSE) as book:
        assert all(grade.auto_score is None for grade in book.find_submission_notebook("land", tiny.LESSON, "ana").grades)


def test_the_reference_scores_every_automatic_point(lab: Lab) -> None:
    """A right solution keeps all marks, also when it writes warnings to standard error."""
    noisy = "import sys; print('WARN Utils: something', file=sys.stderr)"
    tiny.hand_in(lab, "ana", bytes_of(tiny.submission(lab, before=noisy, after=noisy)))
    mark = tiny.grade(lab, "ana")
    assert (mark.score, mark.max_score) == (80, 100)


def test_partial_credit_is_in_proportion(lab: Lab) -> None:
    """Half of the lines give about half of the points of that check and those of the properties that hold."""
    tiny.hand_in(lab, "ana", bytes_of(tiny.submission(lab, tiny.HALF)))
    mark = tiny.grade(lab, "ana")
    assert 20 + 30 * 0.45 < mark.score < 20 + 30 * 0.55


def test_a_blank_release_scores_nothing_and_feedback_names_the_property(lab: Lab) -> None:
    """The release handed back as it is scores 0; its feedback names properties and holds nothing of the hidden checks."""
    folder = lab.workspace.grading / tiny.COURSE
    tiny.hand_in(lab, "ana", (folder / "release" / tiny.LESSON / "land.ipynb").read_bytes())
    assert tiny.grade(lab, "ana").score == 0
    page = gradebook.write_feedback(lab, tiny.COURSE, tiny.LESSON, "ana")["land.html"].decode()
    assert "rows in = rows out" in page
    assert tiny.CANARY not in page


def test_manual_marks_survive_another_grading_and_history_has_both(lab: Lab) -> None:
    """Grading again never loses what a person gave, and every change is in a history that nobody can rewrite."""
    tiny.hand_in(lab, "ana", bytes_of(tiny.submission(lab, tiny.APPENDING)))
    before = tiny.grade(lab, "ana")
    with gradebook.open_gradebook(lab, tiny.COURSE) as book:
        book.find_grade("explain", "land", tiny.LESSON, "ana").manual_score = 15
        book.db.commit()
    tiny.hand_in(lab, "ana", bytes_of(tiny.submission(lab)), "2026-11-23 13:00:00 UTC")
    after = tiny.grade(lab, "ana", again=True)
    assert after.score == before.score + 20 + 15
    path = lab.workspace.grading / tiny.COURSE / "gradebook.db"
    assert {change.new_manual for change in history(path)} >= {15.0}
    with sqlite3.connect(path) as connection, pytest.raises(sqlite3.DatabaseError, match="only added to"):
        connection.execute("DELETE FROM mark_history")


def test_an_ordinary_assignment_is_graded_in_the_same_sandbox(lab: Lab) -> None:
    """An nbgrader assignment that is no lesson keeps nbgrader's own rules, and runs without network or the host's files."""
    cell = nbformat.v4.new_code_cell("assert answer == 42\nimport os; assert not os.path.exists('/root/.bashrc')", id="q1")
    cell.metadata["nbgrader"] = _metadata("q1", grade=True, points=5)
    solution = nbformat.v4.new_code_cell("answer = 42", id="a1")
    solution.metadata["nbgrader"] = _metadata("a1", solution=True)
    notebook = nbformat.v4.new_notebook(cells=[solution, cell])
    gradebook.add_lesson(lab, tiny.COURSE, "homework", {"land.ipynb": bytes_of(notebook)}, None)
    folder = lab.workspace.grading / tiny.COURSE / "submitted" / "ana" / "homework"
    folder.mkdir(parents=True)
    (folder / "land.ipynb").write_bytes(bytes_of(notebook))
    assert gradebook.autograde(lab, tiny.COURSE, "homework", "ana").score == 5


def _metadata(name: str, *, grade: bool = False, solution: bool = False, points: float = 0) -> dict[str, object]:
    common = {"schema_version": 3, "cell_type": "code", "grade_id": name, "task": False, "locked": grade}
    return common | {"grade": grade, "solution": solution} | ({"points": points} if grade else {})


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe\x00", id="not text"),
        pytest.param(b'{"nbformat": 3, "worksheets": []}', id="format 3"),
        pytest.param(b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": NaN}]}', id="NaN"),
        pytest.param(b"[" * 100_000, id="deep"),
    ],
)
def test_what_is_no_notebook_is_refused_kindly_and_the_batch_goes_on(lab: Lab, content: bytes) -> None:
    """A broken file scores 0 with a reason in its feedback, and the next submission is graded."""
    tiny.hand_in(lab, "ana", content)
    tiny.hand_in(lab, "bia", bytes_of(tiny.submission(lab)))
    for student in ("ana", "bia"):
        queue_of(lab, tiny.COURSE).add(tiny.LESSON, student, "s")
    work(lab, tiny.COURSE, tiny.LESSON)
    assert gradebook.mark(lab, tiny.COURSE, tiny.LESSON, "ana").score == 0
    assert gradebook.mark(lab, tiny.COURSE, tiny.LESSON, "bia").score == 80
    assert "could not be run" in gradebook.write_feedback(lab, tiny.COURSE, tiny.LESSON, "ana")["land.html"].decode()


def test_a_check_that_breaks_needs_review_and_is_never_a_zero(lab: Lab) -> None:
    """When the check process fails twice, no mark is written and a person is called."""
    hidden = lab.workspace.courses / tiny.COURSE / tiny.LESSON / "checks" / "hidden.py"
    hidden.write_text(hidden.read_text().replace("added = ", "import os; os._exit(9); added = "))
    tiny.hand_in(lab, "ana", bytes_of(tiny.submission(lab)))
    tiny.grade(lab, "ana")
    assert_unmarked_because(lab, "needs review")


def test_without_jars_nobody_gets_a_zero_for_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose jars are gone, or not whole, marks nobody: each submission waits for review, and says what to install."""
    monkeypatch.delenv("DATAFLOW_CACHE", raising=False)  # a cache that labs share would have them
    lab.workspace.cache.unlink()
    (lab.workspace.cache / "jars").mkdir(parents=True)
    tiny.hand_in(lab, "ana", bytes_of(tiny.submission(lab)))
    tiny.grade(lab, "ana")
    assert_unmarked_because(lab, "./lab up")


def test_a_cell_of_the_lessons_own_that_fails_first_costs_the_student_nothing(tmp_path: Path) -> None:
    """What fails before any of the student's code ran is the lab's doing: review, and no mark. A cell they edited themselves is theirs."""
    made = tiny.make_lab(tmp_path)
    source = made.workspace.courses / tiny.COURSE / tiny.LESSON / "lesson.py"
    source.write_text(source.read_text(encoding="utf-8").replace('print("tiny lesson")', 'raise OSError("no store")'), encoding="utf-8")
    tiny.release(made)
    handed_in = tiny.submission(made)
    tiny.hand_in(made, "ana", bytes_of(handed_in))
    tiny.grade(made, "ana")
    assert_unmarked_because(made, "no store")

    handed_in.cells[0].source = 'raise OSError("mine")'
    tiny.hand_in(made, "bia", bytes_of(handed_in))
    assert tiny.grade(made, "bia").score == 80


@tiny.BOTH_KINDS
def test_killed_in_the_middle_each_submission_is_graded_exactly_once(lab: Lab) -> None:
    """SIGKILL of the whole grading tree loses nothing: the next call finishes, and the database is sound."""
    students = ["ana", "bia", "caio"]
    for student in students:
        tiny.hand_in(lab, student, bytes_of(tiny.submission(lab)))
        sanitise(lab, tiny.COURSE, tiny.LESSON, student)
        queue_of(lab, tiny.COURSE).add(tiny.LESSON, student, "s")
    code = (
        "import sys; from pathlib import Path; from dataflow_hub.settings import Lab, load_lab;"
        "from dataflow_hub.workspace import Workspace;"
        "from dataflow_hub.grading.queue_worker import work; s = load_lab(state=Path(sys.argv[2]));"
        "work(Lab(s.settings, Workspace(Path(sys.argv[1]), Path(sys.argv[2]))), 'tiny', '01-land')"
    )
    argv = [sys.executable, "-c", code, str(lab.workspace.root), str(lab.workspace.state)]
    worker = subprocess.Popen(argv, start_new_session=True, stderr=subprocess.DEVNULL, env={**os.environ})
    _wait_until_running(lab)
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    queue = queue_of(lab, tiny.COURSE)
    assert queue.recover() == 1
    work(lab, tiny.COURSE, tiny.LESSON)
    assert [job.state for job in queue.jobs(tiny.LESSON)] == ["done"] * 3
    assert [mark.score for mark in gradebook.marks(lab, tiny.COURSE)] == [80] * 3
    assert gradebook.check_integrity(lab, tiny.COURSE) == "ok"
    if lab.settings.sandbox.kind == "docker":
        with contextlib.closing(Engine()) as engine:
            assert engine.remove_containers(lab_id(lab)) == 0  # that of the killed worker went when its place was taken


@pytest.mark.parametrize("lab", ["containers"], indirect=True)
def test_a_container_that_somebody_else_removes_costs_nobody_a_mark(lab: Lab) -> None:
    """`./lab down` ends what is being graded: it is graded again, and its end is not taken for the student's doing."""
    tiny.hand_in(lab, "ana", bytes_of(tiny.submission(lab)))
    grading = threading.Thread(target=tiny.grade, args=(lab, "ana"))
    grading.start()
    with contextlib.closing(Engine()) as engine:
        _wait_until_running(lab)
        deadline = time.monotonic() + 60
        while not engine.remove_containers(lab_id(lab)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    grading.join()
    assert [job.state for job in queue_of(lab, tiny.COURSE).jobs(tiny.LESSON)] == ["done"]
    assert gradebook.mark(lab, tiny.COURSE, tiny.LESSON, "ana").score == 80


@pytest.mark.parametrize("lab", ["containers"], indirect=True)
def test_a_container_removed_before_it_ran_is_made_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who removes a container between its making and its start sends nobody's work to review."""
    start, taken = docker.APIClient.start, []

    def start_late(client: docker.APIClient, container: str) -> None:
        if not taken:
            taken.append(container)
            client.remove_container(container, force=True)
        start(client, container)

    monkeypatch.setattr(docker.APIClient, "start", start_late)
    tiny.hand_in(lab, "ana", bytes_of(tiny.submission(lab)))
    assert tiny.grade(lab, "ana").score == 80
    assert taken


def _wait_until_running(lab: Lab) -> None:
    deadline = time.monotonic() + 60
    while not list((lab.workspace.run / "grading").glob("*/stderr")):  # a box is open: the submission is being run
        assert time.monotonic() < deadline
        time.sleep(0.05)
