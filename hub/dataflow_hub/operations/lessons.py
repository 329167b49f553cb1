"""A lesson on its author's desk: listed, built, tried, held to its contract and put through the gate."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast, get_args

from dataflow_hub.datagen.model import Size
from dataflow_hub.errors import LessonError
from dataflow_hub.grading import build as lesson_build
from dataflow_hub.grading.course import Lesson, lessons, load_lesson
from dataflow_hub.grading.execution import Execution, Parameters, execute
from dataflow_hub.grading.gate import run_gate, try_some
from dataflow_hub.grading.gate_rule import GateRow
from dataflow_hub.grading.lint import lint
from dataflow_hub.grading.players import Players
from dataflow_hub.grading.verdict import record, recorded
from dataflow_hub.server.accounts import released_lessons
from dataflow_hub.settings import Lab

Report = Callable[[str], None]
SIZES = get_args(Size)
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TEMPLATE = Path("docs/contributor/lesson-template")


@dataclass(frozen=True)
class LessonRow:
    """One lesson of the checkout."""

    course: str
    lesson: str
    title: str
    minutes: int
    points: float
    released: bool


def silent(_: str) -> None:
    """Report to nobody."""


def find(lab: Lab, course: str, lesson: str) -> Lesson:
    """Give one lesson of the checkout.

    Raises
    ------
    LessonError
        The course has no such lesson.
    """
    folder = lab.workspace.courses / course / lesson
    if not folder.is_dir():
        known = ", ".join(each.name for each in lessons(lab.workspace.courses, course)) or "none"
        raise LessonError(f"There is no lesson {lesson} in {course}.", why=f"The course has: {known}.", fix="See ./lab course list.")
    return load_lesson(folder)


def find_all(lab: Lab, course: str = "", lesson: str = "") -> list[Lesson]:
    """Give one lesson, all of a course, or all that there are.

    Raises
    ------
    LessonError
        There is no such course or lesson.
    """
    courses = lab.workspace.courses
    known = [folder.name for folder in sorted(courses.iterdir()) if folder.is_dir()]
    if course and course not in known:
        raise LessonError(f"There is no course {course}.", why=f"There are: {', '.join(known)}.", fix="See ./lab course list.")
    if lesson and not course:
        holding = [name for name in known if (courses / name / lesson).is_dir()]
        if len(holding) != 1:
            where = ", ".join(holding) or "no course"
            raise LessonError(f"{lesson} is in {where}.", fix=f"Name the course: ./lab course check COURSE --lesson {lesson}")
        course = holding[0]
    if lesson:
        return [find(lab, course, lesson)]
    return [each for name in ([course] if course else known) for each in lessons(courses, name)]


def list_lessons(lab: Lab) -> list[LessonRow]:
    """Give every lesson of every course of the checkout."""
    out = {(entry["course"], entry["lesson"]) for entry in released_lessons(lab)}
    return [_lesson_row(lesson, (lesson.course, lesson.name) in out) for lesson in find_all(lab)]


def _lesson_row(lesson: Lesson, is_released: bool) -> LessonRow:
    points = sum(part.points for part in lesson.checks) + sum(part.points for part in lesson.manual)
    return LessonRow(lesson.course, lesson.name, lesson.title.en, lesson.minutes, points, is_released)


def check(lab: Lab, chosen: Sequence[Lesson], *, seeds: int = 3, report: Report = silent) -> list[GateRow]:
    """Put lessons through the contract and the release gate, and give what was found."""
    with Players(lab.settings.grading.workers) as players:
        return [row for lesson in chosen for row in _check(lab, lesson, players, seeds, report)]


def tally(rows: Sequence[GateRow]) -> str:
    """Say how many mutants were caught, and how many right answers lost marks."""
    mutants = [row for row in rows if row.tried.startswith("mutant")]
    right = [row for row in rows if row.tried.startswith(("reference", "solution"))]
    caught, wronged = sum(row.ok for row in mutants), sum(not row.ok for row in right)
    count = len({row.lesson for row in rows})
    return f"{count} lessons: {caught} of {len(mutants)} mutants caught, {wronged} of {len(right)} right answers lost marks"


def _check(lab: Lab, lesson: Lesson, players: Players, seeds: int, report: Report) -> list[GateRow]:
    problems = contract_problems(lesson)
    if problems:  # running what breaks the contract would only say so less clearly
        return problems
    rows = run_gate(lab, lesson, players, seeds=seeds, report=report)
    if all(row.ok for row in rows):
        report(f"Verdict written to {record(lesson, rows, seeds)}")
    return rows


def checked(lab: Lab, lesson: Lesson, seeds: int, report: Report) -> list[GateRow]:
    """Give a lesson's verdict: the recorded one, or a new one when the lesson or what judges it has changed."""
    rows = recorded(lesson, seeds)
    if not rows:
        report(f"{lesson.name}: changed since its last verdict, so all of its solutions and mutants are tried; this takes minutes")
        return check(lab, [lesson], seeds=seeds, report=report)
    report(f"{lesson.name}: unchanged since it passed the gate ({len(rows)} rows)")
    return contract_problems(lesson) or rows


def contract_problems(lesson: Lesson) -> list[GateRow]:
    """Give a row for each point in which a lesson breaks its contract."""
    return [GateRow(lesson.name, "contract", "kept", str(problem), ok=False) for problem in lint(lesson)]


def attempt(lab: Lab, lesson: Lesson, names: Sequence[str], *, seeds: int = 1) -> list[GateRow]:
    """Try some of a lesson's candidates (`reference`, `blank`, or a solution's or mutant's name; none: all) on one warm Spark.

    Raises
    ------
    LessonError
        There is no such candidate.
    """
    with tempfile.TemporaryDirectory() as folder:
        return try_some(lab, lesson, names, seeds, Path(folder))


def new(lab: Lab, course: str, lesson: str) -> Path:
    """Make a lesson's folder from the template, a small one that keeps the whole contract; a new course with it where there is none.

    Raises
    ------
    LessonError
        The name does not fit, or the folder is there already.
    """
    for name in (course, lesson):
        if not _NAME.fullmatch(name):
            raise LessonError(f"{name!r} is no name for a lesson or course.", why="It takes a-z, 0-9 and hyphens.", fix="As in 06-quality.")
    folder = lab.workspace.courses / course / lesson
    if folder.exists():
        raise LessonError(f"{course}/{lesson} is there already.", fix="Take another name, or change what is there.")
    shutil.copytree(lab.workspace.root / _TEMPLATE, folder)
    for path in folder.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(f'"{_TEMPLATE.name}"', f'"{lesson}"'), encoding="utf-8")
    lesson_build.write_generated(load_lesson(folder))
    return folder


def run(lab: Lab, lesson: Lesson, seed: int, size: str, language: str, into: Path) -> Execution:  # noqa: PLR0913, PLR0917 - parameters
    """Execute a lesson's reference with papermill and keep the notebook with its outputs at `into`.

    Raises
    ------
    LessonError
        There is no such size or language.
    """
    if size not in SIZES:
        raise LessonError(f"There is no size {size}.", fix=f"One of: {', '.join(SIZES)}.")
    with tempfile.TemporaryDirectory() as folder:
        notebook = lesson_build.with_solution(lesson, None, language)
        done = execute(lab.workspace, lesson, notebook, Path(folder), Parameters(seed, cast("Size", size), language))
        shutil.copyfile(done.notebook, into)
    return replace(done, notebook=into)


def build(chosen: Sequence[Lesson]) -> list[Path]:
    """Write the generated files of lessons; give those that changed."""
    return [path for lesson in chosen for path in lesson_build.write_generated(lesson)]
