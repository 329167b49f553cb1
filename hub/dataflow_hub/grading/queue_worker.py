"""One grading worker: takes submissions of a lesson from the queue until there are none, each graded whole or not at all.

Run as `python -m dataflow_hub.grading.queue_worker STATE COURSE LESSON`.
"""

from __future__ import annotations

import ctypes
import json
import logging
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat

from dataflow_hub.errors import LabError
from dataflow_hub.grading import build, gradebook
from dataflow_hub.grading.judge import find_lesson
from dataflow_hub.grading.nbgrader_config import course_folder
from dataflow_hub.grading.queue import Job, Queue
from dataflow_hub.grading.run_intake import write_sanitised
from dataflow_hub.settings import Lab, load_lab

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbformat.notebooknode import NotebookNode

_PR_SET_PDEATHSIG = 1


def queue_of(lab: Lab, course: str) -> Queue:
    """Give the grading queue of a course."""
    return Queue(course_folder(lab, course) / "queue.db")


def sanitise(lab: Lab, course: str, lesson: str, student: str) -> str:
    """Make a collected submission safe to read; give the reason where one of its notebooks was refused, else ""."""
    folder = course_folder(lab, course)
    reasons = []
    for released in sorted((folder / "release" / lesson).glob("*.ipynb")):
        path = folder / "submitted" / student / lesson / released.name
        record = folder / "sanitised" / lesson / student / f"{released.name}.json"
        source = nbformat.reads(released.read_text(encoding="utf-8"), as_version=4)
        reasons.append(write_sanitised(path, record, source, _translations(lab, course, lesson)))
    return " ".join(reason for reason in reasons if reason)


def _translations(lab: Lab, course: str, name: str) -> list[NotebookNode]:
    lesson = find_lesson(lab, course, name)
    return [build.release_notebook(lesson, "pt-BR")] if lesson else []


def work(lab: Lab, course: str, lesson: str) -> None:
    """Grade what is pending of a lesson."""
    queue = queue_of(lab, course)
    while job := queue.take(lesson):
        begin = time.monotonic()
        review = _grade(lab, course, job)
        queue.finish(job, seconds=round(time.monotonic() - begin, 1), review=review)


def _grade(lab: Lab, course: str, job: Job) -> str:
    try:
        sanitise(lab, course, job.lesson, job.student)
        gradebook.autograde(lab, course, job.lesson, job.student)
    except LabError as error:
        return str(error)
    except Exception as error:
        logging.getLogger("nbgrader.lab").exception("Grading %s of %s broke", job.lesson, job.student)
        return f"{type(error).__name__}: {error}"
    return ""


def main(arguments: Sequence[str]) -> int:
    """Work for the lab whose state folder is named first, until nothing is pending."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)  # whoever asked for the grading is gone: stop, the queue knows where we were
    state, course, lesson = arguments
    logging.basicConfig(level=logging.WARNING, format=json.dumps({"at": "%(asctime)s", "level": "%(levelname)s", "event": "%(message)s"}))
    work(load_lab(state=Path(state)), course, lesson)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
