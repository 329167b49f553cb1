"""Many notebooks of one lesson, run one after the other on one warm Spark and judged: how a lesson is tried while it is made.

There is no sandbox and no kernel: what is tried is the lesson's own code. Students' work goes through `judge`. Steps that kill
the writer cannot be played here; a lesson that has some is tried in sandboxes.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import nbformat

from dataflow_hub.grading import build, cases
from dataflow_hub.grading.judge import VISIBLE_CHECKS, code_of
from dataflow_hub.grading.run_box import write_files
from dataflow_kernels.install import local_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nbformat.notebooknode import NotebookNode

    from dataflow_hub.grading.course import Lesson
    from dataflow_hub.grading.players import Players
    from dataflow_hub.workspace import Workspace
    from dataflow_kernels.checks.outcome import Outcome

STUDENT, VISIBLE_SEED = "student", 11
_ONE_CASE_SECONDS = 180
_NOTEBOOK_IN_CASES = 3  # running the notebook takes about as long as so many data sets


@dataclass(frozen=True)
class Trial:
    """A notebook, and the seeds of the unseen data sets that its functions are called on.

    One that is not tried `whole` ends after its last answer or visible check. What follows, such as breaking the pipeline to
    watch it, is nobody's answer; run on a wrong one, it may cost a visible check more.
    """

    notebook: NotebookNode
    seeds: tuple[int, ...]
    whole: bool = True

    @property
    def work(self) -> int:
        """How long it takes, in data sets."""
        return _NOTEBOOK_IN_CASES + len(self.seeds)


@dataclass(frozen=True)
class Tried:
    """What came of a trial: an outcome a check, and the errors of its cells."""

    outcomes: tuple[Outcome, ...]
    errors: tuple[str, ...]


def can_try(lesson: Lesson, seed: int) -> bool:
    """Tell whether every step of the lesson can be played without a sandbox."""
    planned = cases.plan(lesson, VISIBLE_SEED, (seed,))
    return all(step.fault != "killed" for case in planned.cases for step in case.steps)


def try_all(workspace: Workspace, lesson: Lesson, trials: Mapping[str, Trial], folder: Path, players: Players) -> dict[str, Tried]:
    """Run every trial and judge it; give what came of each by name.

    Parameters
    ----------
    folder
        An empty folder for all that the trials write.
    players
        The warm processes that share the work: one submission keeps about one core busy.

    Raises
    ------
    GradingError
        A process that plays the trials died, or a check broke.
    """
    plans = {name: cases.plan(lesson, VISIBLE_SEED, trial.seeds) for name, trial in trials.items()}
    write_files(folder / "landing", next(iter(plans.values())).landing)
    for name, plan in plans.items():
        for seed, case in zip(trials[name].seeds, plan.cases, strict=True):
            write_files(folder / f"landing-{seed}", case.batches)
    (folder / VISIBLE_CHECKS).write_bytes(build.visible_checks(lesson))
    environment = asdict(local_environment(workspace.jars, folder / "spark", user=STUDENT))
    common = {"folder": str(folder), "lesson": lesson.name, "environment": environment}

    def play(name: str) -> None:
        request = {**common, "submission": submission(lesson, _folder(name), trials[name], plans[name])}
        with players.one() as player:
            player.play(request, _ONE_CASE_SECONDS * trials[name].work)

    with ThreadPoolExecutor(players.count) as pool:
        list(pool.map(play, sorted(trials, key=lambda name: -trials[name].work)))
    return {name: _judge(lesson, folder / _folder(name), plan) for name, plan in plans.items()}


def _judge(lesson: Lesson, folder: Path, plan: cases.Plan) -> Tried:
    log = json.loads((folder / "log.json").read_text(encoding="utf-8"))
    return Tried(tuple(cases.evaluate(lesson.folder / "checks", folder, plan.truth)), tuple(log["errors"]))


def _folder(name: str) -> str:
    """Name a trial's folder: Spark reads paths as addresses, in which a blank is another character."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name)


def submission(lesson: Lesson, name: str, trial: Trial, plan: cases.Plan) -> dict[str, object]:
    """Describe one trial for the process that plays it."""
    played = [
        {"landing": f"landing-{seed}", "steps": [{**asdict(step), "refused": step.refused} for step in case.steps]}
        for seed, case in zip(trial.seeds, plan.cases, strict=True)
    ]
    return {"name": name, "cells": code_of(cells_to_try(lesson, trial)), "cases": played}


def cells_to_try(lesson: Lesson, trial: Trial) -> NotebookNode:
    """Give the notebook of a trial, without what follows its last answer or visible check when it is not tried whole."""
    notebook = trial.notebook
    if trial.whole:
        return notebook
    visible = {spec.grade_id for spec in lesson.checks if spec.kind == "visible"}
    marks = [cell.metadata.get("nbgrader", {}) if cell.cell_type == "code" else {} for cell in notebook.cells]
    last = max(number for number, mark in enumerate(marks) if mark.get("solution") or mark.get("grade_id") in visible)
    return nbformat.from_dict({**notebook, "cells": notebook.cells[: last + 1]})
