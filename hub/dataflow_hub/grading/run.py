"""One submission run: the student's notebook in a box of its own, then its functions on data it never saw.

The box has no network, no secret, no checks and no other's files. Only notebook outputs and plain copies of its tables leave
it, and when this module is done with it nothing that ran in it is alive.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataflow_hub.errors import GradingError
from dataflow_hub.grading import run_box
from dataflow_hub.grading.artefacts import Allowance, ArtefactRefusedError, copy_out
from dataflow_hub.grading.outputs import sound_outputs
from dataflow_hub.grading.places import filled, places
from dataflow_hub.grading.run_faults import writes_refused
from dataflow_hub.grading.runner import Runner, RunnerGoneError
from dataflow_hub.grading.runtime import require_runtime
from dataflow_hub.grading.scenario import CallResult, Step
from dataflow_hub.sandbox.disk import folder_size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dataflow_hub.settings import Lab

NOTEBOOK, END = "notebook", "lake"
CALLS = "calls.json"
_READY_SECONDS = 120.0


@dataclass(frozen=True)
class Case:
    """One unseen data set and what is done with it."""

    name: str
    batches: Mapping[str, bytes] = field(repr=False)
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Plan:
    """What to run: the code cells in order, the files beside the notebook, the student's landing zone, the cases, the lesson's services."""

    cells: tuple[str, ...]
    landing: str = ""
    batches: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    cases: tuple[Case, ...] = ()
    language: str = "en"
    services: tuple[str, ...] = ()
    cell_timeout_seconds: int = 0
    run_timeout_seconds: int = 0


@dataclass
class CaseRun:
    """What one case left: how its calls ended, and a folder with one copy of the lake a snapshot."""

    name: str
    folder: Path
    calls: list[CallResult] = field(default_factory=list)
    snapshots: list[str] = field(default_factory=list)
    error: str = ""


@dataclass
class Run:
    """What a submission left: the outputs of each code cell, the lake after the whole notebook, and each case."""

    outputs: list[list[dict[str, Any]]]
    error: str
    visible: CaseRun
    cases: list[CaseRun]
    seconds: float


def run_submission(lab: Lab, plan: Plan, into: Path) -> Run:
    """Run `plan` in a fresh box; artefacts are written below `into`, as `cases.evaluate` wants them.

    What the student's code does wrong is in the result. What the lab does wrong raises, so that it never costs a mark.

    Raises
    ------
    GradingError
        The box came up neither at first nor when tried again, or something that kernels need is not there.
    SandboxError
        No sandbox can be made here.
    """
    require_runtime(lab, plan.services)
    plan = _with_limits(lab, plan)
    for attempt in (1, 2):
        try:
            return _run_once(lab, plan, into)
        except RunnerGoneError as gone:
            shutil.rmtree(into, ignore_errors=True)
            if attempt == 2:  # noqa: PLR2004 - the second and last
                raise GradingError(
                    "The submission could not be run.", why=gone.what, fix="Look at the machine's load, then grade again."
                ) from gone
    raise AssertionError


def _with_limits(lab: Lab, plan: Plan) -> Plan:
    cell = plan.cell_timeout_seconds or lab.settings.grading.cell_timeout_seconds
    return replace(
        plan, cell_timeout_seconds=cell, run_timeout_seconds=plan.run_timeout_seconds or lab.settings.grading.run_timeout_seconds
    )


def _run_once(lab: Lab, plan: Plan, into: Path) -> Run:
    begin = time.monotonic()
    with run_box.open_box(lab, plan.language, [case.name for case in plan.cases]) as box:
        box.place_notebook_files(plan.files)
        box.place_landing(plan.landing, plan.batches)
        process = box.start(seconds=plan.run_timeout_seconds + _READY_SECONDS)
        runner = Runner(process, deadline=begin + plan.run_timeout_seconds, watch=_watch(lab, box))
        try:
            _wait_ready(runner, box)
            run = Run([[] for _ in plan.cells], "", CaseRun(NOTEBOOK, into / NOTEBOOK), [], 0.0)
            _play(plan, runner, box, into, run)
        finally:
            process.kill()
            runner.close()
    if process.lost:
        raise RunnerGoneError("Somebody took the submission's container away, or the Docker engine ended.", started=False)
    run.seconds = time.monotonic() - begin
    return run


def _watch(lab: Lab, box: run_box.OpenBox) -> Callable[[], None]:
    limit = 16 * lab.settings.grading.output_mib * 2**20
    last = time.monotonic()

    def check() -> None:
        nonlocal last
        if time.monotonic() - last > 2:  # noqa: PLR2004 - seconds; counting files costs something
            last = time.monotonic()
            if folder_size(box.root, stop_at=limit).bytes > limit:
                raise RunnerGoneError(f"The submission wrote more than {limit // 2**20} MiB and was stopped.", started=True)

    return check


def _wait_ready(runner: Runner, box: run_box.OpenBox) -> None:
    runner.deadline, whole = min(runner.deadline, time.monotonic() + _READY_SECONDS), runner.deadline
    try:
        runner.wait_ready()
    except RunnerGoneError as gone:
        raise RunnerGoneError(f"{gone.what} {box.last_words()}".strip(), started=False) from gone
    runner.deadline = whole


def _play(plan: Plan, runner: Runner, box: run_box.OpenBox, into: Path, run: Run) -> None:
    try:
        answer = runner.ask(
            {"operation": "notebook", "cells": list(plan.cells), "timeout_seconds": plan.cell_timeout_seconds},
            timeout_seconds=plan.run_timeout_seconds,
        )
        run.outputs = sound_outputs(answer.get("outputs"), len(plan.cells))
        run.error = str(answer.get("error", ""))[:2000]
        _snapshot(box, run_box.WORK, ("lake",), END, run.visible)
        for case in plan.cases:
            played = CaseRun(case.name, into / case.name)
            run.cases.append(played)
            _play_case(plan.cell_timeout_seconds, case, runner, box, played)
    except RunnerGoneError as gone:
        run.error = gone.what
        if not run.visible.snapshots:
            _snapshot(box, run_box.WORK, ("lake",), END, run.visible)
        run.cases += [CaseRun(case.name, into / case.name, error=gone.what) for case in plan.cases[len(run.cases) :]]
        for played in run.cases[-1:]:
            played.error = played.error or gone.what


def _play_case(timeout_seconds: int, case: Case, runner: Runner, box: run_box.OpenBox, played: CaseRun) -> None:
    box.place_batches(case.name, case.batches)
    played.folder.mkdir(parents=True, exist_ok=True)
    for index, step in enumerate(case.steps):
        played.calls.append(_play_step(timeout_seconds, case.name, index, step, runner, box))
        if step.snapshot:
            _snapshot(box, run_box.LAKES, (case.name,), step.snapshot, played)
        (played.folder / CALLS).write_text(json.dumps([asdict(call) for call in played.calls]), encoding="utf-8")
    box.clear_case(case.name)


def _play_step(  # noqa: PLR0913, PLR0917 - the facts of one call
    timeout_seconds: int, case: str, index: int, step: Step, runner: Runner, box: run_box.OpenBox
) -> CallResult:
    refused = tuple(part for part in step.refused.split("/") if part)
    where = places(Path("/", run_box.LAKES, case), Path("/", run_box.LANDING, case))
    request = {
        "operation": "call",
        "function": _function_name(step.function),
        "arguments": filled(step.arguments, where),
        "beside": filled(list(step.beside), where),
        "timeout_seconds": timeout_seconds,
        "kill_when": f"/{run_box.LAKES}/{case}/{step.table}".rstrip("/") if step.fault == "killed" else "",
    }
    fault = writes_refused(box.root, (run_box.LAKES, case, *refused), box.owner) if refused else contextlib.nullcontext()
    try:
        with fault:
            answer = runner.ask(request, timeout_seconds=timeout_seconds + _READY_SECONDS)
    except ArtefactRefusedError as error:
        return CallResult(index, step.function, str(error.what), 0.0)
    return CallResult(index, step.function, str(answer.get("error", ""))[:2000], _seconds(answer.get("seconds")))


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value < 1e6 else 0.0  # noqa: PLR2004 - NaN and nonsense out


def _function_name(name: str) -> str:
    if not name.isidentifier():
        raise GradingError(f"A hidden check calls {name!r}, which is no function's name.", fix="Mend the lesson's checks/hidden.py.")
    return name


def _snapshot(box: run_box.OpenBox, area: str, parts: tuple[str, ...], name: str, played: CaseRun) -> None:
    target = played.folder / name
    try:
        copy_out(box.root, (area, *parts), target, Allowance(box.output_bytes), skip=("landing",))
    except ArtefactRefusedError as refused:
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True, exist_ok=True)
        played.error = played.error or refused.what
    played.snapshots.append(name)
