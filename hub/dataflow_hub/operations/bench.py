"""`./lab bench`: what we claim to be fast, against what one would do instead, with the same results, in one run."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataflow_hub.errors import LabError
from dataflow_hub.grading import build, cases
from dataflow_hub.grading.course import Lesson
from dataflow_hub.grading.execution import Parameters, execute
from dataflow_hub.grading.players import Players
from dataflow_hub.grading.run_box import write_files
from dataflow_hub.grading.trial import VISIBLE_SEED, Trial, Tried, submission, try_all
from dataflow_hub.settings import Lab
from dataflow_hub.workspace import Workspace

Report = Callable[[str], None]
_SEEDS, _FEW = (501, 502, 503), (501,)


@dataclass(frozen=True)
class BenchRow:
    """One lesson both ways; `same` tells whether every check came out alike."""

    lesson: str
    notebooks: int
    ours_seconds: float
    papermill_seconds: float
    ratio: float
    same: bool


def lessons(lab: Lab, chosen: Sequence[Lesson], *, sample: int = 0, report: Report) -> list[BenchRow]:
    """Try each lesson's reference on three seeds, its blank release, and its mutants on one; then the same by papermill, one by one.

    Parameters
    ----------
    sample
        Take so many mutants of each lesson only, evenly spread; 0 for all.
    """
    rows = []
    for lesson in chosen:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(_lesson(lab.workspace, lesson, _trials(lesson, sample), Path(folder)))
        report(f"{lesson.name}: {rows[-1].ratio:.1f} times as fast, results {'the same' if rows[-1].same else 'DIFFER'}")
    ours, theirs = sum(row.ours_seconds for row in rows), sum(row.papermill_seconds for row in rows)
    total = BenchRow("all", sum(row.notebooks for row in rows), ours, theirs, theirs / ours, all(row.same for row in rows))
    return [*rows, total]


def _trials(lesson: Lesson, sample: int) -> dict[str, Trial]:
    mutants = lesson.mutants[:: max(1, len(lesson.mutants) // sample)][:sample] if sample else lesson.mutants
    trials = {"reference": Trial(build.with_solution(lesson, None), _SEEDS), "blank": Trial(build.release_notebook(lesson, "en"), _FEW)}
    return trials | {path.stem: Trial(build.with_solution(lesson, path), _FEW) for path in mutants}


def _lesson(workspace: Workspace, lesson: Lesson, trials: Mapping[str, Trial], folder: Path) -> BenchRow:
    begin = time.monotonic()
    (folder / "ours").mkdir()
    with Players(2) as players:
        ours = try_all(workspace, lesson, trials, folder / "ours", players)
    ours_seconds = time.monotonic() - begin
    begin = time.monotonic()
    theirs = {name: _by_papermill(workspace, lesson, trial, folder / "papermill" / name) for name, trial in trials.items()}
    papermill_seconds = time.monotonic() - begin
    same = all(_marks(ours[name]) == _marks(theirs[name]) for name in trials)
    return BenchRow(lesson.name, len(trials), ours_seconds, papermill_seconds, papermill_seconds / ours_seconds, same)


def _by_papermill(workspace: Workspace, lesson: Lesson, trial: Trial, folder: Path) -> Tried:
    """Execute the notebook in a kernel of its own, let its last cell play the unseen data sets, and judge what is left."""
    plan = cases.plan(lesson, VISIBLE_SEED, trial.seeds)
    for seed, case in zip(trial.seeds, plan.cases, strict=True):
        write_files(folder / f"landing-{seed}", case.batches)
    (folder / "steps.json").write_text(json.dumps(submission(lesson, "", trial, plan)["cases"]), encoding="utf-8")
    play = "from dataflow_hub.grading.trial_process import play_cases\nplay_cases(globals())"
    done = execute(workspace, lesson, trial.notebook, folder, Parameters(VISIBLE_SEED, lesson.data.visible_size), [play])
    return Tried(tuple(cases.evaluate(lesson.folder / "checks", folder, plan.truth)), done.errors)


def _marks(tried: Tried) -> dict[str, float]:
    return {outcome.check: outcome.score for outcome in tried.outcomes}


BENCHES = ("lessons",)


def require_known(name: str) -> None:
    """Refuse a benchmark that there is not.

    Raises
    ------
    LabError
        Naming those that there are.
    """
    if name not in BENCHES:
        raise LabError(f"There is no benchmark {name}.", fix=f"One of: {', '.join(BENCHES)}.")
