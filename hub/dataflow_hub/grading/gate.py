"""What a lesson must show before students get it: right answers score full marks, wrong ones lose what they should, nothing leaks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from dataflow_hub.errors import LessonError
from dataflow_hub.grading import build
from dataflow_hub.grading.gate_rule import Candidate, GateRow, coverage, row
from dataflow_hub.grading.judge import Seeds, code_of, judge
from dataflow_hub.grading.leaks import leaks
from dataflow_hub.grading.players import Players
from dataflow_hub.grading.run_box import scratch
from dataflow_hub.grading.trial import Trial, can_try, try_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from dataflow_hub.datagen.model import Size
    from dataflow_hub.grading.course import Lesson
    from dataflow_hub.settings import Lab

_FIRST_SEED = 20_260_301
_SECONDS_A_SEED = 60
_FEW_SEEDS = 2
_MANY_SEEDS, _PARTS = 20, 2  # the reference, in parts that run side by side


def run_gate(lab: Lab, lesson: Lesson, players: Players, *, seeds: int, report: Callable[[str], None]) -> list[GateRow]:
    """Try a lesson's reference, blank release, other solutions and mutants, and search its release for what must not be there.

    The reference and the blank release go the way of a student's work, in sandboxes; the rest, and the reference on many more
    seeds, on one warm Spark. A lesson with steps that kill the writer is tried in sandboxes throughout.

    Raises
    ------
    GradingError
        A sandbox or a check failed, so that nothing can be said.
    """
    leaked = leaks(lesson)
    rows = [GateRow(lesson.name, "release", "no solution, no hidden check", ", ".join(leaked) or "none", not leaked)]
    if leaked:  # minutes of trials would not make it fit to be released
        return rows
    for each in _rows(lab, lesson, players, seeds):
        rows.append(each)
        report(f"{lesson.name}: {each.tried}: {'as it should be' if each.ok else f'expected {each.expected}, found {each.found}'}")
    return [*rows, coverage(lesson)]


def _rows(lab: Lab, lesson: Lesson, players: Players, seeds: int) -> Iterator[GateRow]:
    reference = _reference(lesson)
    boxed = ((reference, seeds, lesson.data.visible_size), (_blank(lesson), 1, lesson.data.hidden_size))
    with ThreadPoolExecutor(lab.settings.grading.workers) as pool:
        yield from pool.map(lambda each: _boxed(lab, lesson, *each), boxed)
    others = _others(lesson)
    if not can_try(lesson, _FIRST_SEED):
        with ThreadPoolExecutor(lab.settings.grading.workers) as pool:
            yield from pool.map(lambda each: _boxed(lab, lesson, each, min(seeds, _FEW_SEEDS), lesson.data.hidden_size), others)
        return
    hidden = _unseen(_MANY_SEEDS)
    candidates = {each.name: each for each in others}
    trials = {name: Trial(each.notebook, hidden[:_FEW_SEEDS], whole=False) for name, each in candidates.items()}
    for number in range(_PARTS):
        name = f"reference, {_MANY_SEEDS} seeds, part {number + 1}"
        candidates[name] = replace(reference, name=name)
        trials[name] = Trial(reference.notebook, hidden[number::_PARTS])
    with scratch(lab) as folder:
        tried = try_all(lab.workspace, _of_size(lesson, lesson.data.hidden_size), trials, folder, players)
    yield from (row(lesson, candidates[name], tried[name].outcomes, "; ".join(tried[name].errors)) for name in candidates)


def try_some(lab: Lab, lesson: Lesson, names: Sequence[str], seeds: int, folder: Path) -> list[GateRow]:
    """Try the candidates called `names`, all when there are none, on one warm Spark and on so many unseen data sets.

    Raises
    ------
    LessonError
        There is no such candidate, or the lesson's steps need a sandbox.
    """
    every = {each.name.split()[-1]: each for each in _others(lesson)}
    every |= {"reference": _reference(lesson), "blank": _blank(lesson)}
    unknown = [name for name in names if name not in every]
    if unknown:
        raise LessonError(f"{lesson.name} has no {unknown[0]}.", why=f"There are: {', '.join(sorted(every))}.", fix="Name one of these.")
    if not can_try(lesson, _FIRST_SEED):
        raise LessonError(f"{lesson.name} kills its writer, which needs a sandbox.", fix=f"./lab course check --lesson {lesson.name}")
    trials = {name: Trial(every[name].notebook, _unseen(seeds)) for name in names or every}
    with Players(min(len(trials), lab.settings.grading.workers)) as players:
        tried = try_all(lab.workspace, lesson, trials, folder, players)
    return [row(lesson, every[name], tried[name].outcomes, "; ".join(tried[name].errors)) for name in trials]


def _reference(lesson: Lesson) -> Candidate:
    return Candidate("reference", build.with_solution(lesson, None), frozenset())


def _blank(lesson: Lesson) -> Candidate:
    return Candidate("blank release", build.release_notebook(lesson, "en"), None)


def _others(lesson: Lesson) -> list[Candidate]:
    solutions = [Candidate(f"solution {path.stem}", build.with_solution(lesson, path), frozenset()) for path in lesson.solutions]
    mutants = [Candidate(f"mutant {path.stem}", build.with_solution(lesson, path), build.loses(path)) for path in lesson.mutants]
    return solutions + mutants


def _boxed(lab: Lab, lesson: Lesson, candidate: Candidate, count: int, visible_size: Size) -> GateRow:
    seeds = Seeds(_FIRST_SEED, _unseen(count))
    timeout = lesson.limits.run_timeout_seconds + _SECONDS_A_SEED * count
    judged = judge(lab, _of_size(lesson, visible_size), code_of(candidate.notebook), seeds, run_timeout_seconds=timeout)
    return row(lesson, candidate, judged.outcomes, judged.run.error)


def _unseen(count: int) -> tuple[int, ...]:
    return tuple(range(_FIRST_SEED + 1, _FIRST_SEED + 1 + count))


def _of_size(lesson: Lesson, visible_size: Size) -> Lesson:
    return lesson.model_copy(update={"data": lesson.data.model_copy(update={"visible_size": visible_size})})
