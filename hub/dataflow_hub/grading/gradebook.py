"""nbgrader's gradebook of a course: assignments from lessons, one submission graded, marks read, every change kept."""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import CheckCellMetadata, ClearOutput, ComputeChecksums, LockCells, SaveCells
from traitlets.config import Config

from dataflow_hub.errors import GradingError, LessonError
from dataflow_hub.grading.gradebook_audit import keep_history
from dataflow_hub.grading.nbgrader_config import configure, course_folder
from dataflow_hub.grading.preprocessors import failure
from dataflow_kernels.environ import exported

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    from nbformat.notebooknode import NotebookNode

    from dataflow_hub.settings import Lab

_BUSY_SECONDS = 30


@dataclass(frozen=True)
class Mark:
    """One student's marks in one assignment."""

    student: str
    lesson: str
    score: float
    max_score: float
    needs_manual: bool
    late_seconds: float


def prepare(lab: Lab, course: str) -> Path:
    """Make the course's gradebook if it is not there, with a history that cannot be rewritten; give its path."""
    path = course_folder(lab, course) / "gradebook.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    with _tools(), Gradebook(f"sqlite:///{path}", course):
        pass
    path.chmod(0o600)
    keep_history(path)
    return path


def add_lesson(lab: Lab, course: str, lesson: str, files: Mapping[str, bytes], due: datetime | None) -> None:
    """Make or update the assignment of a lesson from its release's files.

    Raises
    ------
    LessonError
        Graded cells were added or taken away while there are submissions.
    """
    prepare(lab, course)
    coursedir = _coursedir(lab, course, lesson)
    source = course_folder(lab, course) / "source" / lesson
    _replace_files(source, files)
    converter = GenerateAssignment(coursedir=coursedir, config=_config(lab, course))
    converter.preprocessors = [LockCells, ClearOutput, CheckCellMetadata, ComputeChecksums, SaveCells, CheckCellMetadata]
    converter.force = True
    try:
        with _tools():
            converter.start()
    except NbGraderException as error:
        raise LessonError(
            f"nbgrader did not take {lesson} into the gradebook of {course}.",
            why="Its graded cells changed while there are submissions, or a cell is not valid.",
            fix="Give the changed lesson a new folder name, or bring the graded cells back.",
        ) from error
    with open_gradebook(lab, course) as gradebook:
        gradebook.find_assignment(lesson).duedate = due.astimezone(UTC).replace(tzinfo=None) if due else None  # nbgrader keeps naive UTC
        gradebook.db.commit()


def publishable(content: bytes) -> bytes:
    """Give a release notebook with nbgrader's locks and checksums, as students get it."""
    notebook: NotebookNode = nbformat.reads(content.decode(), as_version=4)
    for step in (LockCells, ClearOutput, ComputeChecksums, CheckCellMetadata):
        notebook, _ = step().preprocess(notebook, {})
    text: str = nbformat.writes(notebook, indent=1, sort_keys=True)
    return f"{text.rstrip()}\n".encode()


def _replace_files(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_file() and path.name not in files:
            path.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def autograde(lab: Lab, course: str, lesson: str, student: str) -> Mark:
    """Put one collected submission through the whole pipeline, again if need be, and give its marks.

    Manual marks and comments survive. Nothing is written for a submission that could not be judged.

    Raises
    ------
    GradingError
        It needs a person.
    """
    converter = Autograde(coursedir=_coursedir(lab, course, lesson, student), config=_config(lab, course))
    converter.force = True
    converter.log = _log()
    token = failure.set(None)
    try:
        with _tools():
            converter.start()
    except NbGraderException as error:
        cause = failure.get()
        what = cause.what if cause else f"nbgrader could not grade {student}'s {lesson}."
        raise GradingError(what, why=cause.why if cause else str(error), fix=cause.fix if cause else "See the grading log.") from error
    finally:
        failure.reset(token)
    return mark(lab, course, lesson, student)


def write_feedback(lab: Lab, course: str, lesson: str, student: str) -> dict[str, bytes]:
    """Give the feedback pages of one graded submission by name; empty when it was not graded."""
    folder = course_folder(lab, course)
    if not (folder / "autograded" / student / lesson).is_dir():
        return {}
    config = _config(lab, course)
    config.HTMLExporter.template_name = "feedback"
    converter = GenerateFeedback(coursedir=_coursedir(lab, course, lesson, student), config=config)
    converter.force = True
    converter.log = _log()
    try:
        converter.start()
    except NbGraderException as error:
        raise GradingError(f"No feedback could be written for {student}'s {lesson}.", why=str(error), fix="Grade it again.") from error
    return {path.name: path.read_bytes() for path in sorted((folder / "feedback" / student / lesson).glob("*.html"))}


def mark(lab: Lab, course: str, lesson: str, student: str) -> Mark:
    """Give one student's marks in one assignment; raises GradingError when there are none."""
    with open_gradebook(lab, course) as gradebook:
        try:
            return _mark(gradebook.find_submission(lesson, student))
        except MissingEntry as error:
            raise GradingError(f"{student} has no graded submission of {lesson}.", fix="Collect and grade first.") from error


def marks(lab: Lab, course: str) -> list[Mark]:
    """Give all marks of a course, by lesson and student."""
    if not (course_folder(lab, course) / "gradebook.db").exists():
        return []
    with open_gradebook(lab, course) as gradebook:
        found = [_mark(submission) for assignment in gradebook.assignments for submission in assignment.submissions]
    return sorted(found, key=lambda each: (each.lesson, each.student))


def _mark(submission: Any) -> Mark:
    return Mark(
        student=submission.student.id,
        lesson=submission.assignment.name,
        score=float(submission.score),
        max_score=float(submission.max_score),
        needs_manual=bool(submission.needs_manual_grade),
        late_seconds=float(submission.total_seconds_late),
    )


@contextmanager
def open_gradebook(lab: Lab, course: str) -> Iterator[Any]:
    """Give nbgrader's own gradebook object, closed afterwards."""
    with Gradebook(f"sqlite:///{course_folder(lab, course)}/gradebook.db", course) as gradebook:
        yield gradebook


def check_integrity(lab: Lab, course: str) -> str:
    """Give SQLite's verdict on the gradebook's file: `ok`, or what is wrong."""
    with closing(sqlite3.connect(course_folder(lab, course) / "gradebook.db", timeout=_BUSY_SECONDS)) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


def _coursedir(lab: Lab, course: str, lesson: str, student: str = "") -> Any:
    coursedir = CourseDirectory(config=_config(lab, course))
    coursedir.assignment_id = lesson
    if student:
        coursedir.student_id = student
    return coursedir


def _config(lab: Lab, course: str) -> Config:
    config = Config()
    configure(config, lab, course)
    return config


def _log() -> logging.Logger:
    log = logging.getLogger("nbgrader.lab")
    log.propagate = True
    return log


def _tools() -> AbstractContextManager[None]:
    """Let nbgrader find `alembic`, which it calls by name when it makes a gradebook. Its own `setenv` forgets what PATH was."""
    return exported({"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath])})
