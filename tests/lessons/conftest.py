"""What the tests of lessons share: submissions tried directly on one warm Spark."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest

from dataflow_hub.grading import cases
from dataflow_hub.grading.build import code_sources
from dataflow_hub.grading.course import Lesson
from dataflow_hub.settings import load_lab
from dataflow_kernels.archive import archive_path
from dataflow_kernels.checks import Outcome
from dataflow_kernels.java import find_java

ONE_SUBMISSION_SECONDS = 240
WORKERS = 2  # a JVM each: one submission keeps about one core busy


@pytest.fixture(scope="session")
def try_directly():
    """Give a function that runs notebooks by name on the same data and gives the outcomes of each by check."""
    return _try_directly


def _try_directly(lesson: Lesson, submissions: Mapping[str, object], seeds: Sequence[int], folder: Path) -> dict[str, dict[str, Outcome]]:
    plan = cases.plan(lesson, visible_seed=11, hidden_seeds=seeds)
    _write(folder / "landing", plan.landing)
    for number, case in enumerate(plan.cases):
        _write(folder / f"landing-{number}", case.batches)
    names = list(submissions)
    shares = [names[number::WORKERS] for number in range(min(WORKERS, len(names)))]
    common = {"lesson": lesson.name, "cases": [[asdict(step) for step in case.steps] for case in plan.cases]}
    runs = []
    with ThreadPoolExecutor(WORKERS) as pool:
        for number, share in enumerate(shares):
            cells = [{"name": name, "cells": code_sources(submissions[name])} for name in share]
            request = {**common, "environment": _environment(folder, number), "submissions": cells}
            runs.append(pool.submit(_run, folder, number, request, ONE_SUBMISSION_SECONDS * len(share) * len(seeds)))
    for run in runs:
        run.result()
    judged = {name: cases.evaluate(lesson.folder / "checks", folder / name, plan.truth) for name in submissions}
    return {name: {outcome.check: outcome for outcome in outcomes} for name, outcomes in judged.items()}


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
