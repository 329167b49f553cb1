"""The gate's rule: what must come of each notebook of a lesson that is tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataflow_hub.grading import build

if TYPE_CHECKING:
    from nbformat.notebooknode import NotebookNode

    from dataflow_hub.grading.course import Lesson
    from dataflow_kernels.checks.outcome import Outcome


@dataclass(frozen=True)
class GateRow:
    """One thing that was tried: what should have come of it, what did, and whether that is right."""

    lesson: str
    tried: str
    expected: str
    found: str
    ok: bool


@dataclass(frozen=True)
class Candidate:
    """A notebook to try, and the checks that it must lose: None for everything, empty for nothing."""

    name: str
    notebook: NotebookNode
    must_lose: frozenset[str] | None


def row(lesson: Lesson, candidate: Candidate, outcomes: tuple[Outcome, ...], error: str) -> GateRow:
    """Say whether a candidate lost what it should and nothing else: one mistake costs its own hidden marks only."""
    most = sum(spec.points for spec in lesson.checks)
    earned = sum(lesson.spec(outcome.check).points * outcome.score for outcome in outcomes)
    lost = sorted(outcome.check for outcome in outcomes if not outcome.passed)
    why = {outcome.check: outcome.found.en for outcome in outcomes if not outcome.passed}
    found = f"{earned:g} of {most:g}" + (f", loses {', '.join(lost)}" if lost else "")
    if candidate.must_lose is None:
        return GateRow(lesson.name, candidate.name, "0 points", found, earned == 0)
    if not candidate.must_lose and candidate.name.startswith("mutant"):
        return GateRow(lesson.name, candidate.name, "a `# loses:` line in its header", "none", ok=False)
    if not candidate.must_lose:
        told = "; ".join(f"{check}: {text}" for check, text in why.items()) + (f" ({error})" if error else "")
        return GateRow(lesson.name, candidate.name, "full marks", f"{found} {told}".strip(), not lost and not error)
    wanted = f"loses {', '.join(sorted(candidate.must_lose))}"
    hidden = {spec.id for spec in lesson.checks if spec.kind == "hidden"}
    beyond = (set(lost) - candidate.must_lose) & hidden  # one mistake costs its own marks only
    return GateRow(lesson.name, candidate.name, wanted, found, candidate.must_lose <= set(lost) and not beyond)


def coverage(lesson: Lesson) -> GateRow:
    """Say whether every hidden check catches a mutant."""
    killed = {check for path in lesson.mutants for check in build.loses(path)}
    alive = sorted(spec.id for spec in lesson.checks if spec.kind == "hidden" and spec.id not in killed)
    return GateRow(
        lesson.name, "hidden checks", "each catches a mutant", f"no mutant for {', '.join(alive)}" if alive else "each does", not alive
    )
