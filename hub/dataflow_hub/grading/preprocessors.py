"""Our two steps in nbgrader's autograde pipeline: run in a sandbox, and write the marks that the check process gave.

Everything else of the pipeline is nbgrader's own, so its command line, its formgrader and its gradebook work unchanged.
"""

from __future__ import annotations

import math
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbformat.v4 import new_output
from nbgrader import utils as nbgrader_utils
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Unicode

from dataflow_hub.errors import GradingError, LabError
from dataflow_hub.grading import feedback
from dataflow_hub.grading.judge import code_of, find_lesson, judge, seeds_of
from dataflow_hub.grading.run import Plan, run_submission
from dataflow_hub.grading.run_box import scratch
from dataflow_hub.grading.run_intake import REFUSED
from dataflow_hub.roster import open_roster
from dataflow_hub.settings import load_lab

if TYPE_CHECKING:
    from nbformat.notebooknode import NotebookNode

    from dataflow_hub.grading.course import Lesson
    from dataflow_hub.settings import Lab
    from dataflow_kernels.checks.outcome import Outcome

Resources = dict[str, Any]
failure: ContextVar[LabError | None] = ContextVar("failure", default=None)
_KEY = "dataflow"
_EXTRA_BYTES = 20 * 2**20


class _Step(NbGraderPreprocessor):  # type: ignore[misc] # nbgrader has no types
    root = Unicode("", help="The checkout that holds the lessons.").tag(config=True)
    state = Unicode("", help="The lab's state folder.").tag(config=True)
    course = Unicode("", help="The course that the assignment is of.").tag(config=True)
    assignments = Unicode("", help="nbgrader's course folder.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Do the step; what fails is kept for whoever started nbgrader, which only logs it."""
        try:
            return self.step(self._lab(), nb, resources)
        except LabError as error:
            failure.set(error)
            raise

    def _lab(self) -> Lab:
        lab = load_lab(state=Path(self.state))
        return replace(lab, workspace=replace(lab.workspace, root=Path(self.root)))

    def step(self, lab: Lab, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        raise NotImplementedError


class SandboxExecute(_Step):
    """Runs the notebook, and a lesson's hidden cases, in a sandbox; a second one judges what it left."""

    def step(self, lab: Lab, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Give the notebook with fresh outputs; a lesson's outcomes go along in `resources`."""
        names = resources["nbgrader"]
        language = language_of(lab, names["student"])
        lesson = find_lesson(lab, self.course, names["assignment"])
        if REFUSED in nb.metadata:
            resources[_KEY] = {"lesson": lesson, "language": language, "refused": str(nb.metadata[REFUSED])}
            return nb, resources
        if lesson is None:
            _set_outputs(nb, self._run_ordinary(lab, nb, names, language))
            return nb, resources
        judged = judge(lab, lesson, code_of(nb), seeds_of(lab, lesson, names["student"]), language=language)
        _set_outputs(nb, judged.run.outputs)
        outcomes = {outcome.check: outcome for outcome in judged.outcomes}
        resources[_KEY] = {"lesson": lesson, "language": language, "outcomes": outcomes, "error": judged.run.error}
        return nb, resources

    def _run_ordinary(self, lab: Lab, nb: NotebookNode, names: dict[str, str], language: str) -> list[list[dict[str, Any]]]:
        folder = Path(self.assignments) / "autograded" / names["student"] / names["assignment"]
        with scratch(lab) as artefacts:
            run = run_submission(lab, Plan(cells=code_of(nb), files=_files_beside(folder), language=language), artefacts)
        outputs = run.outputs
        if run.error:  # a test that never ran must not count as one that passed: an empty output is full marks
            ran_out = [{"output_type": "error", "ename": "RunEnded", "evalue": run.error, "traceback": [run.error]}]
            outputs = [cell or ran_out for cell in outputs]
        return outputs


class HiddenCheck(_Step):
    """Writes a lesson's marks into its graded cells, in the form that nbgrader reads them from."""

    def step(self, lab: Lab, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:  # noqa: ARG002 - the step's form
        """Give the notebook with a note and a number as the outputs of each graded code cell.

        Raises
        ------
        GradingError
            A graded cell has no outcome: an empty output would be full marks.
        """
        judged = resources.pop(_KEY, None)
        if judged is None:
            return nb, resources
        for cell in nb.cells:
            if cell.cell_type == "code" and nbgrader_utils.is_grade(cell) and not nbgrader_utils.is_solution(cell):
                points, html = _mark(cell.metadata.nbgrader, judged)
                cell.outputs = _graded_outputs(points, float(cell.metadata.nbgrader["points"]), html)
        return nb, resources


def language_of(lab: Lab, user: str) -> str:
    """Give the language a student reads; the lab's own for one who is not in the roster."""
    roster = open_roster(lab)
    return roster.language(user) if roster.exists(user) else lab.settings.hub.language


def _files_beside(folder: Path) -> dict[str, bytes]:
    plain = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    files = {str(path.relative_to(folder)): path for path in plain if path.suffix != ".ipynb"}
    if sum(path.stat().st_size for path in files.values()) > _EXTRA_BYTES:
        raise GradingError("The files beside the notebook are too large.", fix="Ask the student to submit without them.")
    return {name: path.read_bytes() for name, path in files.items()}


def _set_outputs(nb: NotebookNode, outputs: list[list[dict[str, Any]]]) -> None:
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    for count, (cell, produced) in enumerate(zip(code, outputs, strict=True), start=1):
        cell.execution_count = count
        cell.outputs = [new_output(**output) for output in produced]


def _mark(metadata: Any, judged: dict[str, Any]) -> tuple[float, str]:
    language = judged["language"]
    if "refused" in judged:
        return 0.0, feedback.refusal_note(judged["refused"], language)
    lesson: Lesson = judged["lesson"]
    outcomes: dict[str, Outcome] = judged["outcomes"]
    specs = [spec for spec in lesson.checks if spec.grade_id == metadata["grade_id"]]
    if not specs:
        raise GradingError(f"The graded cell {metadata['grade_id']} belongs to no check of {lesson.name}.", fix="Release the lesson again.")
    points = sum(spec.points * outcomes[spec.id].score for spec in specs)
    return points, feedback.note(specs, outcomes, language) + feedback.run_note(judged["error"], language)


def _graded_outputs(points: float, most: float, html: str) -> list[NotebookNode]:
    if not math.isfinite(points) or not 0 <= points <= most + 1e-9:
        why = "The lesson changed after its release."
        raise GradingError(f"A mark of {points} is not between 0 and {most}.", why=why, fix="Release it again.")
    shown = f"{min(points, most):.6g}"
    return [
        new_output("display_data", data={"text/html": html, "text/plain": shown}),
        new_output("execute_result", data={"text/plain": shown}, execution_count=None),
    ]
