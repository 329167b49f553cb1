"""Judging what a run left, in a second sandbox where no student's code is: artefacts in, a few numbers and sentences out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dataflow_hub.errors import GradingError
from dataflow_hub.grading import boxes
from dataflow_hub.grading.check_process import ARTEFACTS, CHECKS
from dataflow_hub.grading.run_box import grading_limits, unique_user
from dataflow_hub.sandbox import Box, Finished
from dataflow_hub.sandbox.process import finish
from dataflow_kernels.checks.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dataflow_hub.settings import Lab

_TIMEOUT_SECONDS = 180
_OUTPUT_BYTES = 1024 * 1024
_ATTEMPTS = 2


def check_artefacts(lab: Lab, checks: Path, artefacts: Path, truth: Mapping[str, Any]) -> list[Outcome]:
    """Give one outcome for each check that `truth` names, judged by the code in `checks`.

    Raises
    ------
    GradingError
        The check process died or answered nonsense, twice: a person has to look. It is never a score of 0.
    """
    why = ""
    for _ in range(_ATTEMPTS):
        finished = _run_checks(lab, checks, artefacts, truth)
        try:
            return sound_outcomes(finished.stdout, [str(each["id"]) for each in truth["checks"]])
        except ValueError as error:
            why = _reason(finished, error)
    raise GradingError(
        "The checks did not come to a result; this submission needs review.", why=why, fix="Grade it again, or mark it by hand."
    )


def _run_checks(lab: Lab, checks: Path, artefacts: Path, truth: Mapping[str, Any]) -> Finished:
    hub = lab.workspace.root / "hub"
    with unique_user(lab) as uid:
        box = Box(
            name=f"check-{artefacts.name}",
            environment={"PYTHONPATH": f"{hub}:{lab.workspace.kernels}", "PYTHONDONTWRITEBYTECODE": "1"},
            read_only=(
                (hub / "dataflow_hub", str(hub / "dataflow_hub")),
                (checks, CHECKS),
                (artefacts, ARTEFACTS),
            ),
            network=False,
            uid=uid,
            limits=grading_limits(lab),
            working_directory="/tmp",  # noqa: S108 - the sandbox's own
            user_name="checker",
        )
        process = boxes.start(lab, box, "dataflow_hub.grading.check_process", seconds=_TIMEOUT_SECONDS)
        given = json.dumps(truth).encode()
        return finish(process, box.name, timeout_seconds=_TIMEOUT_SECONDS, stdin=given, output_limit_bytes=_OUTPUT_BYTES)


def _reason(finished: Finished, error: ValueError) -> str:
    if finished.timed_out:
        return f"They ran longer than {_TIMEOUT_SECONDS} s."
    words = finished.stderr.decode(errors="replace").strip()
    return f"{words[-1500:]} ({error}; exit code {finished.exit_code})".strip()


def sound_outcomes(content: bytes, ids: list[str]) -> list[Outcome]:
    """Read the check process's answer: exactly one outcome for each id, each score a number between 0 and 1.

    Raises
    ------
    ValueError
        It is anything else: cut off, NaN, a score out of range, an id missing, doubled or unknown.
    """
    if len(content) >= _OUTPUT_BYTES:
        raise ValueError("the answer is too long")
    try:
        values = json.loads(content, parse_constant=_refuse_constant)
        outcomes = [Outcome.from_dict(value) for value in values]
    except (KeyError, TypeError, RecursionError, AttributeError) as error:
        raise ValueError(f"the answer is not a list of outcomes: {error!r}") from error
    if [outcome.check for outcome in outcomes] != ids:
        raise ValueError("the answer is not about the checks that were asked for")
    return outcomes


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a score")
