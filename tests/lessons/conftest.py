"""What the tests of lessons share: submissions tried directly on one warm Spark."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from dataflow_hub.grading import cases
from dataflow_hub.grading.build import code_sources
from dataflow_hub.grading.course import Lesson
from dataflow_hub.settings import load_lab
from dataflow_kernels.archive import archive_path
from dataflow_kernels.checks import Outcome
from dataflow_kernels.java import find_java

ONE_CASE_SECONDS = 120
WORKERS = 2  # a JVM each: one submission keeps about one core busy


@dataclass(frozen=True)
class Trial:
    """A notebook, and the unseen data sets that its functions are called on."""

    notebook: object
    seeds: tuple[int, ...]


@pytest.fixture(scope="session")
def try_directly():
    """Give a function that runs trials by name and gives the outcomes of each by check."""
    return _try_directly


def _try_directly(lesson: Lesson, trials: Mapping[str, Trial], folder: Path) -> dict[str, dict[str, Outcome]]:
    plans = {name: cases.plan(lesson, visible_seed=11, hidden_seeds=trial.seeds) for name, trial in trials.items()}
    landed = {seed: case.batches for name, plan in plans.items() for seed, case in zip(trials[name].seeds, plan.cases, strict=True)}
    _write(folder / "landing", next(iter(plans.values())).landing)
    for seed, batches in landed.items():
        _write(folder / f"landing-{seed}", batches)
    runs = []
    with ThreadPoolExecutor(WORKERS) as pool:
        for number, names in enumerate(_shares(trials)):
            submissions = [_submission(name, trials[name], plans[name]) for name in names]
            request = {"lesson": lesson.name, "environment": _environment(folder, number), "submissions": submissions}
            timeout = ONE_CASE_SECONDS * sum(1 + len(trials[name].seeds) for name in names)
            runs.append(pool.submit(_run, folder, number, request, timeout))
    for run in runs:
        run.result()
    judged = {name: cases.evaluate(lesson.folder / "checks", folder / name, plan.truth) for name, plan in plans.items()}
    return {name: {outcome.check: outcome for outcome in outcomes} for name, outcomes in judged.items()}


def _shares(trials: Mapping[str, Trial]) -> list[list[str]]:
    """Give each worker about the same work: a notebook takes about three times as long as one data set."""
    shares: list[list[str]] = [[] for _ in range(WORKERS)]
    work = [0] * WORKERS
    for name in sorted(trials, key=lambda name: -len(trials[name].seeds)):
        least = work.index(min(work))
        shares[least].append(name)
        work[least] += 3 + len(trials[name].seeds)
    return shares


def _submission(name: str, trial: Trial, plan: cases.Plan) -> dict[str, object]:
    played = [
        {"landing": f"landing-{seed}", "steps": [asdict(step) for step in case.steps]}
        for seed, case in zip(trial.seeds, plan.cases, strict=True)
    ]
    return {"name": name, "cells": code_sources(trial.notebook), "cases": played}


def _run(folder: Path, number: int, request: dict[str, object], timeout: float) -> None:
    (folder / f"request-{number}.json").write_text(json.dumps(request))
    script = Path(__file__).with_name("direct.py")
    subprocess.run([*_without_override(), sys.executable, str(script), str(folder), str(number)], check=True, timeout=timeout)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _environment(folder: Path, number: int) -> dict[str, object]:
    workspace = load_lab().workspace
    if not any(workspace.jars.glob("*.jar")):
        pytest.fail(f"{workspace.jars} has no jars: run ./lab up once")
    java = find_java()
    return {
        "user": "student",
        "lake_root": folder.as_uri(),
        "java_home": str(java.home),
        "jars_dir": str(workspace.jars),
        "spark_log": str(folder / f"spark-{number}.log"),
        "cds_archive": str(archive_path(java, workspace.jars)),
    }


def _without_override() -> list[str]:
    """As root, give up the right to write into folders that are read-only: a refused commit must be refused."""
    if os.geteuid() != 0:
        return []
    return [str(shutil.which("setpriv")), "--bounding-set", "-dac_override", "--inh-caps", "-dac_override", "--"]
