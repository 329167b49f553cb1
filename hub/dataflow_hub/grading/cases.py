"""Unseen data sets: what is sent into the sandbox, and how what came out is judged.

`plan` is called before a submission runs, `evaluate` afterwards, in a process where no student's code has been.
"""

from __future__ import annotations

import json
import random
import runpy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

from dataflow_hub.datagen.catalogue import generate
from dataflow_hub.errors import GradingError
from dataflow_hub.grading.course import CheckSpec, Data, Lesson
from dataflow_hub.grading.scenario import CallResult, Step
from dataflow_kernels.checks.bench import ArtefactError, Bench
from dataflow_kernels.checks.outcome import Outcome, Text
from dataflow_kernels.checks.registry import load
from dataflow_kernels.checks.runner import run

__all__ = ["Case", "CasePlan", "Plan", "Step", "evaluate", "hidden", "plan"]

_MARK = "dataflow_hidden_check"
_NOTHING_CAME_OUT = Text(
    "Your functions left no table on the unseen data.",
    "Suas funções não deixaram nenhuma tabela nos dados não vistos.",
)
_EXPECTED = Text("The table that the task describes.", "A tabela que o enunciado descreve.")


@dataclass(frozen=True)
class CasePlan:
    """One unseen data set for the sandbox: its files by name, and the steps to send in one at a time."""

    batches: Mapping[str, bytes]
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Plan:
    """All that one submission is exercised on; `truth` goes to the check process only."""

    landing: Mapping[str, bytes]
    cases: tuple[CasePlan, ...]
    truth: dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One unseen data set after the student's functions were called on it, for a hidden check to look at.

    Parameters
    ----------
    seed, ledger, batches
        The data and its generator's truth about it.
    steps, calls
        What was sent in, and how each call ended; `calls` is shorter when the run was cut off.
    snapshots
        Folders with the case's lake as it was after the steps that asked for one.
    """

    seed: int
    ledger: Any
    batches: Mapping[str, bytes]
    steps: tuple[Step, ...]
    calls: tuple[CallResult, ...]
    snapshots: Mapping[str, Path]

    def bench(self, snapshot: str) -> Bench:
        """Give the lake as it was in one snapshot; an empty one when the run never got there."""
        return self._benches(snapshot)

    @cached_property
    def _benches(self) -> Callable[[str], Bench]:
        return cache(lambda name: Bench(str(self.snapshots.get(name, Path("/nonexistent"))), lambda: self.batches))

    @cached_property
    def lines(self) -> Mapping[str, tuple[str, ...]]:
        """The landed lines of each file, without their line ends."""
        return {name: tuple(content.decode().split("\n")[:-1]) for name, content in self.batches.items()}

    def call(self, step: int) -> CallResult | None:
        """Tell how the call of one step ended; None when it never ran."""
        return next((each for each in self.calls if each.step == step), None)


HiddenCheck = Callable[[Case], Outcome]


def hidden(check: str) -> Callable[[HiddenCheck], HiddenCheck]:
    """Mark a function as the hidden check with this id."""

    def mark(function: HiddenCheck) -> HiddenCheck:
        setattr(function, _MARK, check)
        return function

    return mark


def plan(lesson: Lesson, visible_seed: int, hidden_seeds: Sequence[int]) -> Plan:
    """Decide what one submission is exercised on."""
    data = lesson.data
    truth = {
        "lesson": lesson.name,
        "generator": data.generator,
        "visible": {"seed": visible_seed, "size": data.visible_size},
        "cases": [{"seed": seed, "size": data.hidden_size} for seed in hidden_seeds],
        "checks": [{"id": each.id, "kind": each.kind} for each in lesson.checks],
    }
    scenario = runpy.run_path(str(lesson.folder / "checks" / "hidden.py"))["scenario"]
    cases = tuple(_case_plan(scenario, data, seed) for seed in hidden_seeds)
    return Plan(generate(data.generator, visible_seed, data.visible_size).batches, cases, truth)


def evaluate(checks: Path, artefacts: Path, truth: Mapping[str, Any]) -> list[Outcome]:
    """Judge what a submission left behind: one outcome a check, in the order of `lesson.toml`.

    A hidden check's outcome is that of its worst case, and says nothing of the data.

    Parameters
    ----------
    checks
        The lesson's `checks` folder.
    artefacts
        `notebook/lake`: the lake after the whole notebook; `case-<n>/<snapshot>` and `case-<n>/calls.json`, n from 0.
    truth
        `Plan.truth`.

    Raises
    ------
    GradingError
        When a check itself broke: a person has to look; it is never a score of 0.
    """
    visible, _ = load(checks / "visible.py")
    names = runpy.run_path(str(checks / "hidden.py"))
    private = {getattr(value, _MARK): value for value in names.values() if callable(value) and hasattr(value, _MARK)}
    generator, own = truth["generator"], truth["visible"]
    bench = Bench(str(artefacts / "notebook" / "lake"), cache(lambda: generate(generator, own["seed"], own["size"]).batches))
    cases = [_case(names["scenario"], artefacts / f"case-{number}", generator, each) for number, each in enumerate(truth["cases"])]
    outcomes = []
    for each in truth["checks"]:
        name = str(each["id"])
        judge = partial(run, name, visible[name], bench) if each["kind"] == "visible" else partial(_worst, name, private[name], cases)
        outcomes.append(_judged(name, judge))
    return outcomes


def declared(checks: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Give the ids of the visible and of the hidden checks that a `checks` folder defines."""
    visible, _ = load(checks / "visible.py")
    names = runpy.run_path(str(checks / "hidden.py"))
    return frozenset(visible), frozenset(getattr(value, _MARK) for value in names.values() if callable(value) and hasattr(value, _MARK))


def score(specs: Sequence[CheckSpec], outcomes: Sequence[Outcome]) -> float:
    """Give the points that outcomes earn; partial credit counts in proportion."""
    earned = {each.check: each.score for each in outcomes}
    return sum(spec.points * earned[spec.id] for spec in specs)


def _case_plan(scenario: Any, data: Data, seed: int) -> CasePlan:
    batches = generate(data.generator, seed, data.hidden_size).batches
    return CasePlan(batches, tuple(scenario(random.Random(seed), batches)))  # noqa: S311 - repeatable on purpose


def _case(scenario: Any, folder: Path, generator: str, data: Mapping[str, Any]) -> Case:
    made = generate(generator, data["seed"], data["size"])
    steps = tuple(scenario(random.Random(data["seed"]), made.batches))  # noqa: S311 - the same steps as in `plan`
    calls_file = folder / "calls.json"
    calls = json.loads(calls_file.read_text(encoding="utf-8")) if calls_file.is_file() else []
    snapshots = {each.snapshot: folder / each.snapshot for each in steps if each.snapshot and (folder / each.snapshot).is_dir()}
    return Case(data["seed"], made.ledger, made.batches, steps, tuple(CallResult(**each) for each in calls), snapshots)


def _worst(name: str, function: HiddenCheck, cases: Sequence[Case]) -> Outcome:
    outcomes = [_on_case(function, case) for case in cases]
    worst = min(outcomes, key=lambda outcome: outcome.score)
    return replace(worst, check=name, rows=())


def _on_case(function: HiddenCheck, case: Case) -> Outcome:
    try:
        return function(case)
    except ArtefactError as error:
        return Outcome(score=0, expected=_EXPECTED, found=error.found if case.snapshots else _NOTHING_CAME_OUT)


def _judged(name: str, judge: Callable[[], Outcome]) -> Outcome:
    try:
        return judge()
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise GradingError(f"The check {name} broke.", why=why, fix="Mend the check and grade again.") from error
