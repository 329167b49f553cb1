"""Lessons from their source to the students, and submissions from the students to their marks."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dataflow_hub.errors import GradingError, LabError, LessonError, ServiceError
from dataflow_hub.exchange.receipts import Receipt
from dataflow_hub.exchange.store import open_store
from dataflow_hub.grading import build as lesson_build
from dataflow_hub.grading import gradebook
from dataflow_hub.grading.course import LANGUAGES, Lesson
from dataflow_hub.grading.judge import find_lesson
from dataflow_hub.grading.nbgrader_config import course_folder, write_config
from dataflow_hub.grading.queue import Job, Queue
from dataflow_hub.grading.queue_worker import queue_of, sanitise
from dataflow_hub.grading.runtime import require_runtime
from dataflow_hub.operations.lessons import checked, find, silent
from dataflow_hub.roster import open_roster
from dataflow_hub.server import accounts
from dataflow_hub.services import object_store
from dataflow_hub.settings import Lab
from dataflow_hub.workspace import write_private

Report = Callable[[str], None]
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class CollectedRow:
    """One collected submission; `note` says why one was refused."""

    student: str
    submitted: str
    late: bool
    new: bool
    note: str


@dataclass(frozen=True)
class GradedRow:
    """One graded submission; one that needs review has no marks from this grading."""

    student: str
    score: float | None
    max_score: float | None
    needs_manual: bool
    needs_review: bool
    seconds: float
    note: str


@dataclass(frozen=True)
class ReturnedRow:
    """Feedback that one student can now read."""

    student: str
    score: float
    max_score: float
    still_to_mark: bool
    pages: str


def release(  # noqa: PLR0913 - what one types
    lab: Lab, course: str, lesson: str, due: datetime | None = None, report: Report = silent, *, seeds: int = 3
) -> None:
    """Put a lesson through the gate, into the gradebook and out to its students; anything wrong stops it before.

    Raises
    ------
    LessonError
        The lesson breaks its contract or did not pass the gate.
    """
    loaded = find(lab, course, lesson)
    wrong = [row for row in checked(lab, loaded, seeds, report) if not row.ok]
    if wrong:
        why = "; ".join(f"{row.tried}: expected {row.expected}, found {row.found}" for row in wrong)
        fix = f"./lab course check {course} --lesson {lesson}"
        raise LessonError(f"{lesson} did not pass the release gate; nothing was released.", why=why, fix=fix)
    write_config(lab, course)
    gradebook.add_lesson(lab, course, lesson, lesson_build.release_files(loaded, LANGUAGES[0]), due)
    report("In the gradebook")
    with tempfile.TemporaryDirectory() as staged:
        folders = {language: _stage(loaded, language, Path(staged)) for language in LANGUAGES}
        published = open_store(lab).publish(course, lesson, folders, due=due)
    _remember_released(lab, loaded)
    _land(lab, course, report)
    report(f"Released {course}/{lesson}, version {published.version}")


def _land(lab: Lab, course: str, report: Report) -> None:
    """Give the data to those whose server is running already; the others get it when theirs starts."""
    from minio.error import MinioException

    try:
        users = object_store.with_bucket(lab, [member.user for member in open_roster(lab).members(course)])
    except ServiceError as error:
        report(f"Students get the data when their servers start: {error.what}")
        return
    for user in users:
        try:
            accounts.land(lab, user, silent)
        except (LabError, OSError, MinioException) as error:
            report(f"{user} gets the data at the next start of the server: {error}")


def _stage(lesson: Lesson, language: str, staged: Path) -> Path:
    folder = staged / language
    folder.mkdir()
    for name, content in lesson_build.release_files(lesson, language).items():
        (folder / name).write_bytes(gradebook.publishable(content) if name.endswith(".ipynb") else content)
    return folder


def _remember_released(lab: Lab, lesson: Lesson) -> None:
    others = [entry for entry in accounts.released_lessons(lab) if (entry["course"], entry["lesson"]) != (lesson.course, lesson.name)]
    data = lesson.data
    entry = {"course": lesson.course, "lesson": lesson.name, "generator": data.generator, "size": data.visible_size}
    write_private(lab.workspace.state / "released.json", json.dumps([*others, entry], indent=1))


def extend(lab: Lab, course: str, lesson: str, user: str, due: datetime | None) -> None:
    """Give one student a deadline of their own; None takes it back."""
    open_store(lab).extend(course, lesson, user, due)


def collect(lab: Lab, course: str, lesson: str) -> list[CollectedRow]:
    """Take the newest submission of each student out of the exchange, and make each copy safe to read."""
    folder = course_folder(lab, course)
    folder.mkdir(parents=True, exist_ok=True)
    write_config(lab, course)
    rows = []
    for taken in open_store(lab).collect(course, lesson, folder):
        note = sanitise(lab, course, lesson, taken.user)
        rows.append(CollectedRow(taken.user, taken.receipt.timestamp, taken.receipt.late, taken.new, note))
    return rows


def grade(lab: Lab, course: str, lesson: str, students: Sequence[str] | None = None, report: Report = silent) -> list[GradedRow]:
    """Collect, then grade what is new; named `students` are graded again even if nothing changed.

    Killed at any moment, it is taken up where it was by the next call.

    Raises
    ------
    GradingError
        A named student has no submission, or something that every submission needs is not installed.
    """
    behind = find_lesson(lab, course, lesson)
    require_runtime(lab, behind.services if behind else ())  # once, and not as the review of each
    gradebook.prepare(lab, course)
    collected = collect(lab, course, lesson)
    unknown = set(students or ()) - {row.student for row in collected}
    if unknown:
        raise GradingError(f"No submission of {lesson} by {', '.join(sorted(unknown))}.", fix="See ./lab collect for who has handed in.")
    queue = queue_of(lab, course)
    queue.recover()
    for row in collected:
        if students is None or row.student in students:
            queue.add(lesson, row.student, _stamp(lab, course, lesson, row), again=students is not None)
    _work_off(lab, course, lesson, report)
    notes = {row.student: row.note for row in collected}
    return [_graded_row(lab, course, job, notes.get(job.student, "")) for job in queue.jobs(lesson)]


def _stamp(lab: Lab, course: str, lesson: str, row: CollectedRow) -> str:
    return _receipt(lab, course, lesson, row.student).id


def _work_off(lab: Lab, course: str, lesson: str, report: Report) -> None:
    queue = queue_of(lab, course)
    told = {job.student for job in queue.jobs(lesson) if job.state in {"done", "review"}}
    while waiting := sum(job.state == "pending" for job in queue.jobs(lesson)):
        workers = [_start_worker(lab, course, lesson) for _ in range(min(waiting, lab.settings.grading.workers))]
        try:
            _watch(queue, lesson, workers, told, report)
        finally:
            for worker in workers:
                worker.terminate()
                worker.wait()
        queue.recover()


def _start_worker(lab: Lab, course: str, lesson: str) -> subprocess.Popen[bytes]:
    log = course_folder(lab, course) / "grading.log"
    with log.open("ab") as output:
        argv = [sys.executable, "-m", "dataflow_hub.grading.queue_worker", str(lab.workspace.state), course, lesson]
        return subprocess.Popen(argv, stdout=output, stderr=output, stdin=subprocess.DEVNULL)


def _watch(queue: Queue, lesson: str, workers: list[subprocess.Popen[bytes]], told: set[str], report: Report) -> None:
    while True:
        running = any(worker.poll() is None for worker in workers)
        for job in queue.jobs(lesson):
            if job.state in {"done", "review"} and job.student not in told:
                told.add(job.student)
                report(f"{job.student}: {'needs review' if job.state == 'review' else 'graded'} ({job.seconds:g} s)")
        if not running:
            return
        time.sleep(_POLL_SECONDS)


def _graded_row(lab: Lab, course: str, job: Job, note: str) -> GradedRow:
    if job.state != "done":
        return GradedRow(job.student, None, None, needs_manual=True, needs_review=True, seconds=job.seconds, note=job.detail)
    mark = gradebook.mark(lab, course, job.lesson, job.student)
    return GradedRow(job.student, mark.score, mark.max_score, mark.needs_manual, needs_review=False, seconds=job.seconds, note=note)


def _receipt(lab: Lab, course: str, lesson: str, student: str) -> Receipt:
    path = course_folder(lab, course) / "submitted" / student / lesson / "receipt.json"
    return Receipt.from_json(json.loads(path.read_text(encoding="utf-8")))


def feedback(lab: Lab, course: str, lesson: str, report: Report = silent) -> list[ReturnedRow]:
    """Write the feedback pages of every graded submission and return each to its student."""
    rows = []
    store = open_store(lab)
    for job in queue_of(lab, course).jobs(lesson):
        pages = gradebook.write_feedback(lab, course, lesson, job.student) if job.state == "done" else {}
        if not pages:
            report(f"{job.student}: not graded, so no feedback")
            continue
        store.publish_feedback(course, lesson, job.student, _receipt(lab, course, lesson, job.student).id, pages)
        mark = gradebook.mark(lab, course, lesson, job.student)
        rows.append(ReturnedRow(job.student, mark.score, mark.max_score, mark.needs_manual, ", ".join(pages)))
        report(f"{job.student}: returned")
    return rows
