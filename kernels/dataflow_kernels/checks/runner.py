"""`check("bronze.schema")`: runs a lesson's visible checks in the student's kernel and shows the result."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from dataflow_kernels.checks import card
from dataflow_kernels.checks.bench import ArtefactError, Bench, landing_files
from dataflow_kernels.checks.outcome import Outcome, Text
from dataflow_kernels.checks.registry import VisibleCheck, load

_PLACES = (Path("checks_visible.py"), Path("checks/visible.py"))
_MISSING = Text("Run the cells above first.", "Execute antes as células acima.")


class CheckFailed(Exception):  # noqa: N818 - what the student reads as the last line of the cell
    """A visible check has less than full marks; the card above says why."""

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


def check(*ids: str) -> None:
    """Run visible checks and show one card each; say of hidden ones what they ask.

    Raises
    ------
    CheckFailed
        When a visible check has less than full marks, so that "Validate" counts the cell as failed too.
    LookupError
        When no check has that id.
    """
    from IPython.display import display

    checks, names = load(_check_file())
    promises: Mapping[str, tuple[str, str]] = names.get("PROMISES", {})
    language, bench = _surroundings(str(names["LESSON"]))
    failed = []
    for name in ids:
        if name in promises:
            display(card.of_promise(name, Text(*promises[name]), language))
        else:
            outcome = run(name, _find(name, checks, promises), bench)
            display(card.of_outcome(outcome, language))
            failed += [] if outcome.passed else [name]
    if failed:
        raise CheckFailed(", ".join(failed))


def run(name: str, function: VisibleCheck, bench: Bench) -> Outcome:
    """Run one check on a bench; a missing or wrong table is an outcome of score 0, not an error."""
    try:
        outcome = function(bench)
    except ArtefactError as error:
        expected = Text("The table that the task describes.", "A tabela que o enunciado descreve.")
        outcome = Outcome(score=0, expected=expected, found=error.found, hint=_MISSING)
    return replace(outcome, check=name)


def _check_file() -> Path:
    for place in _PLACES:
        if place.is_file():
            return place
    message = "checks_visible.py is not next to this notebook: fetch the assignment again, and open it from its own folder."
    raise FileNotFoundError(message)


def _find(name: str, checks: Mapping[str, VisibleCheck], promises: Mapping[str, Any]) -> VisibleCheck:
    if name in checks:
        return checks[name]
    known = [*checks, *promises]
    near = difflib.get_close_matches(name, known, 1)
    message = f"no check is called {name!r}; " + (f"perhaps you meant {near[0]!r}" if near else f"there are {', '.join(known)}")
    raise LookupError(message)


def _surroundings(lesson: str) -> tuple[str, Bench]:
    from dataflow_kernels.environ import LabEnv
    from dataflow_kernels.lake import Lake

    env = LabEnv.from_environ()
    lake = Lake(env)
    landing = cache(partial(landing_files, lake.landing(lesson), lake.storage_options))
    return env.language, Bench(lake.root, landing, lake.storage_options, user=env.user, tracker=env.mlflow_uri)
