"""A lesson's notebook executed by papermill, as it stands, on data of one seed and size: for reports, and to compare with."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import nbformat

from dataflow_hub.datagen.catalogue import generate
from dataflow_hub.errors import GradingError, LessonError
from dataflow_hub.grading import build
from dataflow_hub.grading.course import LANGUAGES
from dataflow_hub.grading.judge import VISIBLE_CHECKS
from dataflow_hub.grading.players import without_override
from dataflow_hub.grading.run_box import write_files
from dataflow_hub.grading.trial import STUDENT
from dataflow_kernels.environ import process_environment
from dataflow_kernels.install import local_environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nbformat.notebooknode import NotebookNode

    from dataflow_hub.datagen.model import Size
    from dataflow_hub.grading.course import Lesson
    from dataflow_hub.workspace import Workspace

NOTEBOOK = "lesson.ipynb"
_TIMEOUT_SECONDS = 1800
_STOPPED = b"PapermillExecutionError"


@dataclass(frozen=True)
class Parameters:
    """The parameters of one execution."""

    seed: int
    size: Size = "S"
    language: str = "en"


@dataclass(frozen=True)
class Execution:
    """An executed notebook: where it is, how long it took, and the errors of its cells."""

    notebook: Path
    seconds: float
    errors: tuple[str, ...]


def execute(  # noqa: PLR0913, PLR0917 - what to execute, where, and on what
    workspace: Workspace, lesson: Lesson, notebook: NotebookNode, folder: Path, data: Parameters, more: Sequence[str] = ()
) -> Execution:
    """Execute a notebook in a kernel of its own, with an empty lake below `folder` that holds the landing files only.

    Cells that fail do not stop it. `more` are cells to run after the notebook's own.

    Raises
    ------
    LessonError
        There is no such language.
    GradingError
        papermill, or the kernel, died.
    """
    if data.language not in LANGUAGES:
        raise LessonError(f"There is no language {data.language}.", fix=f"One of: {', '.join(LANGUAGES)}.")
    lake = folder / "notebook" / "lake"
    write_files(lake / "landing" / lesson.name, generate(lesson.data.generator, data.seed, data.size).batches)
    write_files(folder, {VISIBLE_CHECKS: build.visible_checks(lesson)})
    source, target = folder / "source.ipynb", folder / NOTEBOOK
    nbformat.write(_forgiving(notebook, more), source)
    env = local_environment(workspace.jars, folder / "notebook", user=STUDENT, language=data.language)
    parameters = [word for name, value in vars(data).items() for word in ("-p", name, str(value))]
    argv = [sys.executable, "-m", "papermill", str(source), str(target), *parameters, "-k", lesson.kernelspec, "--no-progress-bar"]
    begin = time.monotonic()
    environ = {**process_environment(), **env.to_environ(), "JUPYTER_PATH": str(workspace.cache / "kernels"), "MPLBACKEND": "agg"}
    try:
        done = subprocess.run(
            [*without_override(), *argv], cwd=folder, env=environ, capture_output=True, timeout=_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise GradingError(f"papermill did not end with {lesson.name}.", why=f"It ran longer than {_TIMEOUT_SECONDS} s.") from error
    if done.returncode and _STOPPED not in done.stderr:  # it ends so when a cell failed, after it ran and kept them all
        raise GradingError(f"papermill could not execute {lesson.name}.", why=done.stderr.decode(errors="replace").strip()[-1500:])
    return Execution(target, time.monotonic() - begin, _errors(target))


def _forgiving(notebook: NotebookNode, more: Sequence[str]) -> NotebookNode:
    copy = nbformat.from_dict({**notebook, "cells": [*notebook.cells, *(nbformat.v4.new_code_cell(text) for text in more)]})
    for cell in copy.cells:
        if cell.cell_type == "code":
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), "raises-exception"]
    return copy


def _errors(path: Path) -> tuple[str, ...]:
    cells = nbformat.read(path, as_version=4).cells
    outputs = (output for cell in cells if cell.cell_type == "code" for output in cell.outputs)
    return tuple(f"{output.ename}: {output.evalue}" for output in outputs if output.output_type == "error")
