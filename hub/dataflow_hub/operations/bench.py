"""`./lab bench`: what we claim to be fast, against what one would do instead, with the same results, in one run."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from dataflow_hub.errors import LabError
from dataflow_hub.grading import build, cases
from dataflow_hub.grading.course import Lesson
from dataflow_hub.grading.execution import Parameters, execute
from dataflow_hub.grading.players import Players
from dataflow_hub.grading.run_box import write_files
from dataflow_hub.grading.trial import VISIBLE_SEED, Trial, Tried, cells_to_try, submission, try_all
from dataflow_hub.settings import Lab
from dataflow_hub.workspace import Workspace

Report = Callable[[str], None]
_SEEDS, _FEW = (501, 502, 503), (501,)
_WORKERS = 2


@dataclass(frozen=True)
class BenchRow:
    """One lesson both ways; `same` tells whether every check came out alike.

    papermill executed `by_papermill` of the `notebooks`; its seconds are those, and the others at the mean of the mutants among them.
    """

    lesson: str
    notebooks: int
    by_papermill: int
    ours_seconds: float
    papermill_seconds: float
    ratio: float
    same: bool


def lessons(lab: Lab, chosen: Sequence[Lesson], *, sample: int = 0, report: Report) -> list[BenchRow]:
    """Try each lesson's reference on three seeds, its blank release, and its mutants on one; then the same by papermill, one by one.

    Ours is what the release gate does: warm processes that all lessons share. papermill executes the same cells, in a kernel of
    each notebook's own. Of what is to lose marks these are the cells up to the last that is judged; the reference is executed whole.

    Parameters
    ----------
    sample
        Let papermill execute so many mutants of each lesson only, evenly spread, and reckon the others at their mean: all of them
        take it hours. 0 for all. Ours are always tried whole.
    """
    rows = []
    with Players(_WORKERS) as players:
        for lesson in chosen:
            with tempfile.TemporaryDirectory() as folder:
                rows.append(_lesson(lab.workspace, lesson, sample, Path(folder), players))
            row = rows[-1]
            report(
                f"{lesson.name}: {row.notebooks} notebooks in {row.ours_seconds:.0f} s, papermill {row.papermill_seconds:.0f} s "
                f"({row.by_papermill} executed): {row.ratio:.1f} times as fast, results {'the same' if row.same else 'DIFFER'}"
            )
    return [*rows, _total(rows)]


def _total(rows: Sequence[BenchRow]) -> BenchRow:
    ours, theirs = sum(row.ours_seconds for row in rows), sum(row.papermill_seconds for row in rows)
    counts = sum(row.notebooks for row in rows), sum(row.by_papermill for row in rows)
    return BenchRow("all", *counts, ours, theirs, theirs / ours, all(row.same for row in rows))


def _lesson(workspace: Workspace, lesson: Lesson, sample: int, folder: Path, players: Players) -> BenchRow:
    mutants = {path.stem: _wrong(build.with_solution(lesson, path)) for path in lesson.mutants}
    few = dict(list(mutants.items())[:: max(1, len(mutants) // sample)][:sample]) if sample else mutants
    right = Trial(build.with_solution(lesson, None), _SEEDS)
    others = {"reference": right, "blank": _wrong(build.release_notebook(lesson, "en"))}

    begin = time.monotonic()
    (folder / "ours").mkdir()
    ours = try_all(workspace, lesson, others | mutants, folder / "ours", players)
    ours_seconds = time.monotonic() - begin

    seconds = {}
    same = True
    for name, trial in (others | few).items():
        begin = time.monotonic()
        theirs = _by_papermill(workspace, lesson, trial, folder / "papermill" / name)
        seconds[name] = time.monotonic() - begin
        same = same and _marks(ours[name]) == _marks(theirs)
    mean = sum(seconds[name] for name in few) / max(1, len(few))
    whole = sum(seconds.values()) + mean * (len(mutants) - len(few))
    return BenchRow(lesson.name, len(ours), len(seconds), ours_seconds, whole, whole / ours_seconds, same)


def _wrong(notebook: NotebookNode) -> Trial:
    return Trial(notebook, _FEW, whole=False)


def _by_papermill(workspace: Workspace, lesson: Lesson, trial: Trial, folder: Path) -> Tried:
    """Execute the notebook in a kernel of its own, let its last cell play the unseen data sets, and judge what is left."""
    plan = cases.plan(lesson, VISIBLE_SEED, trial.seeds)
    for seed, case in zip(trial.seeds, plan.cases, strict=True):
        write_files(folder / f"landing-{seed}", case.batches)
    (folder / "steps.json").write_text(json.dumps(submission(lesson, "", trial, plan)["cases"]), encoding="utf-8")
    play = "from dataflow_hub.grading.trial_process import play_cases\nplay_cases(globals())"
    done = execute(workspace, lesson, cells_to_try(lesson, trial), folder, Parameters(VISIBLE_SEED, lesson.data.visible_size), [play])
    return Tried(tuple(cases.evaluate(lesson.folder / "checks", folder, plan.truth)), done.errors)


def _marks(tried: Tried) -> dict[str, float]:
    return {outcome.check: outcome.score for outcome in tried.outcomes}


BENCHES = ("lessons", "spawn-docker")


def require_known(name: str) -> None:
    """Refuse a benchmark that there is not.

    Raises
    ------
    LabError
        Naming those that there are.
    """
    if name not in BENCHES:
        raise LabError(f"There is no benchmark {name}.", fix=f"One of: {', '.join(BENCHES)}.")
