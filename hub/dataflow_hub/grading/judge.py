"""One notebook of a lesson, run and judged: what the gradebook, the release gate and an appeal all go through."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from dataflow_hub.datagen.seeds import hidden_seeds, student_seed
from dataflow_hub.errors import GradingError
from dataflow_hub.grading import build, cases
from dataflow_hub.grading.check import check_artefacts
from dataflow_hub.grading.course import Lesson, load_lesson
from dataflow_hub.grading.run import Case, Plan, Run, run_submission
from dataflow_hub.grading.run_box import scratch
from dataflow_hub.secrets import secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbformat.notebooknode import NotebookNode

    from dataflow_hub.settings import Lab
    from dataflow_kernels.checks.outcome import Outcome

VISIBLE_CHECKS = "checks_visible.py"
_EVERYONE = "*"
_PLANNING = threading.Lock()  # running a lesson's checks file as a script swaps entries of sys.modules


@dataclass(frozen=True)
class Seeds:
    """The data a notebook is judged on: what its author saw, and what nobody sees."""

    visible: int
    hidden: tuple[int, ...]


@dataclass(frozen=True)
class Judged:
    """What the notebook left, and one outcome a check."""

    run: Run
    outcomes: tuple[Outcome, ...]


def seeds_of(lab: Lab, lesson: Lesson, user: str) -> Seeds:
    """Give the seeds of one student: the visible one is theirs, the hidden ones are the whole class's, the same in every appeal."""
    key = course_secret(lab, lesson.course)
    return Seeds(student_seed(key, user, lesson.name), hidden_seeds(key, _EVERYONE, lesson.name, lesson.data.hidden_seeds))


def course_secret(lab: Lab, course: str) -> str:
    """Give the secret from which the course's data is derived."""
    return secret(lab.workspace, f"course-{course}")


def find_lesson(lab: Lab, course: str, assignment: str) -> Lesson | None:
    """Give the lesson behind an assignment; None for an ordinary nbgrader assignment."""
    folder = lab.workspace.courses / course / assignment
    return load_lesson(folder) if (folder / "lesson.toml").is_file() else None


def code_of(notebook: NotebookNode) -> tuple[str, ...]:
    """Give the sources of the code cells."""
    return tuple(cell.source for cell in notebook.cells if cell.cell_type == "code")


def judge(  # noqa: PLR0913 - the facts of one run
    lab: Lab, lesson: Lesson, code: Sequence[str], seeds: Seeds, *, language: str = "en", run_timeout_seconds: int = 0
) -> Judged:
    """Run the code cells in one sandbox and judge what they leave in another; the lesson's time limit holds unless one is given.

    Raises
    ------
    GradingError
        The lab, or a check, failed; the submission needs a person, not a 0.
    """
    with _PLANNING:
        planned = cases.plan(lesson, seeds.visible, seeds.hidden)
    plan = Plan(
        cells=tuple(code),
        landing=lesson.name,
        batches=planned.landing,
        files={VISIBLE_CHECKS: build.visible_checks(lesson)},
        cases=tuple(Case(f"case-{number}", case.batches, case.steps) for number, case in enumerate(planned.cases)),
        language=language,
        services=lesson.services,
        cell_timeout_seconds=lesson.limits.cell_timeout_seconds,
        run_timeout_seconds=run_timeout_seconds or lesson.limits.run_timeout_seconds,
    )
    with scratch(lab) as artefacts:
        run = run_submission(lab, plan, artefacts)
        _require_sound_beginning(lesson, code, run)
        outcomes = check_artefacts(lab, lesson.folder / "checks", artefacts, planned.truth)
    return Judged(run, tuple(outcomes))


def _require_sound_beginning(lesson: Lesson, code: Sequence[str], run: Run) -> None:
    """Refuse a run in which a cell of the lesson's own failed while no line of the student's had run yet."""
    errors = ((number, output) for number, cell in enumerate(run.outputs) for output in cell if output["output_type"] == "error")
    number, error = next(errors, (0, None))
    if error is None:
        return
    released = (cell for cell in build.release_notebook(lesson, "en").cells if cell.cell_type == "code")
    given = [cell.source for cell in takewhile(lambda cell: "nbgrader" not in cell.metadata, released)]
    if number < len(given) and list(code[: number + 1]) == given[: number + 1]:
        why = f"{error['ename']}: {error['evalue']}. None of the student's code had run yet."
        raise GradingError(f"The first cells of {lesson.name}, as released, failed.", why=why, fix="./lab doctor, then grade again.")
