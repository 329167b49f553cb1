"""What a lesson must show before students get it: right answers score full marks, wrong ones lose what they should, nothing leaks."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dataflow_hub.datagen import catalogue as datagen
from dataflow_hub.grading import build
from dataflow_hub.grading.course import LANGUAGES, Lesson
from dataflow_hub.grading.judge import Seeds, code_of, judge
from dataflow_hub.grading.run_box import scratch
from dataflow_hub.grading.trial import Trial, can_try, try_all
from dataflow_kernels import checks
from dataflow_kernels.install import LOCK as JARS_LOCK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nbformat.notebooknode import NotebookNode

    from dataflow_hub.datagen.model import Size
    from dataflow_hub.settings import Lab
    from dataflow_kernels.checks.outcome import Outcome

VERDICT = "gate.json"
_FIRST_SEED = 20_260_301
_SECONDS_A_SEED = 60
_SHORTEST_TELLING_LINE = 12
_TELLS_NOTHING = ("import ", "from ", "#", "return ", "score=")
_FEW_SEEDS = 2
_MANY_SEEDS, _PARTS = 20, 2  # the reference, in parts that run side by side


@dataclass(frozen=True)
class GateRow:
    """One thing that was tried: what should have come of it, what did, and whether that is right."""

    lesson: str
    tried: str
    expected: str
    found: str
    ok: bool


@dataclass(frozen=True)
class _Candidate:
    name: str
    notebook: NotebookNode
    must_lose: frozenset[str] | None  # None: everything; empty: nothing


def run_gate(lab: Lab, lesson: Lesson, *, seeds: int, report: Callable[[str], None]) -> list[GateRow]:
    """Try a lesson's reference, blank release, other solutions and mutants, and search its release for what must not be there.

    The reference and the blank release go the way of a student's work, in sandboxes; the rest, and the reference on many more
    seeds, on one warm Spark. A lesson with steps that kill the writer is tried in sandboxes throughout.

    Raises
    ------
    GradingError
        A sandbox or a check failed, so that nothing can be said.
    """
    rows = [GateRow(lesson.name, "release", "no solution, no hidden check", ", ".join(leaks(lesson)) or "none", not leaks(lesson))]
    for row in _rows(lab, lesson, seeds):
        rows.append(row)
        report(f"{lesson.name}: {row.tried}: {'as it should be' if row.ok else f'expected {row.expected}, found {row.found}'}")
    return [*rows, _coverage(lesson)]


def _rows(lab: Lab, lesson: Lesson, seeds: int) -> Iterator[GateRow]:
    reference = _Candidate("reference", build.with_solution(lesson, None), frozenset())
    blank = _Candidate("blank release", build.release_notebook(lesson, "en"), None)
    yield _boxed(lab, lesson, reference, seeds, lesson.data.visible_size)
    yield _boxed(lab, lesson, blank, 1, lesson.data.hidden_size)
    others = _others(lesson)
    if not can_try(lesson, _FIRST_SEED):
        with ThreadPoolExecutor(lab.settings.grading.workers) as pool:
            yield from pool.map(lambda each: _boxed(lab, lesson, each, min(seeds, _FEW_SEEDS), lesson.data.hidden_size), others)
        return
    hidden = tuple(range(_FIRST_SEED + 1, _FIRST_SEED + 1 + _MANY_SEEDS))
    candidates = {each.name: each for each in others}
    trials = {name: Trial(each.notebook, hidden[:_FEW_SEEDS]) for name, each in candidates.items()}
    for number in range(_PARTS):
        name = f"reference, {_MANY_SEEDS} seeds, part {number + 1}"
        candidates[name] = replace(reference, name=name)
        trials[name] = Trial(reference.notebook, hidden[number::_PARTS])
    with scratch(lab) as folder:
        small = lesson.model_copy(update={"data": lesson.data.model_copy(update={"visible_size": lesson.data.hidden_size})})
        tried = try_all(lab.workspace, small, trials, folder, workers=lab.settings.grading.workers)
    yield from (_row(lesson, candidates[name], tried[name].outcomes, "; ".join(tried[name].errors)) for name in candidates)


def _others(lesson: Lesson) -> list[_Candidate]:
    solutions = [_Candidate(f"solution {path.stem}", build.with_solution(lesson, path), frozenset()) for path in lesson.solutions]
    mutants = [_Candidate(f"mutant {path.stem}", build.with_solution(lesson, path), build.loses(path)) for path in lesson.mutants]
    return solutions + mutants


def _boxed(lab: Lab, lesson: Lesson, candidate: _Candidate, count: int, visible_size: Size) -> GateRow:
    seeds = Seeds(_FIRST_SEED, tuple(_FIRST_SEED + 1 + number for number in range(count)))
    timeout = lesson.limits.run_timeout_seconds + _SECONDS_A_SEED * count
    data = lesson.data.model_copy(update={"visible_size": visible_size})
    judged = judge(lab, lesson.model_copy(update={"data": data}), code_of(candidate.notebook), seeds, run_timeout_seconds=timeout)
    return _row(lesson, candidate, judged.outcomes, judged.run.error)


def _row(lesson: Lesson, candidate: _Candidate, outcomes: tuple[Outcome, ...], error: str) -> GateRow:
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
        return GateRow(lesson.name, candidate.name, "full marks", f"{found} {told}".strip(), not lost)
    wanted = f"loses {', '.join(sorted(candidate.must_lose))}"
    hidden = {spec.id for spec in lesson.checks if spec.kind == "hidden"}
    beyond = (set(lost) - candidate.must_lose) & hidden  # one mistake costs its own marks only
    return GateRow(lesson.name, candidate.name, wanted, found, candidate.must_lose <= set(lost) and not beyond)


def _coverage(lesson: Lesson) -> GateRow:
    killed = {check for path in lesson.mutants for check in build.loses(path)}
    alive = sorted(spec.id for spec in lesson.checks if spec.kind == "hidden" and spec.id not in killed)
    return GateRow(
        lesson.name, "hidden checks", "each catches a mutant", f"no mutant for {', '.join(alive)}" if alive else "each does", not alive
    )


def leaks(lesson: Lesson) -> list[str]:
    """Name every line of a solution or hidden check that can be read in the release, in any language."""
    secret = _solution_lines(lesson) | _hidden_lines(lesson)
    found = set()
    for language in LANGUAGES:
        for name, content in build.release_files(lesson, language).items():
            text = json.dumps(content.decode(), ensure_ascii=False)
            found |= {f"{name}: {line}" for line in secret if json.dumps(line, ensure_ascii=False)[1:-1] in text}
    return sorted(found)


def _solution_lines(lesson: Lesson) -> set[str]:
    source, release = build.source_notebook(lesson, "en"), build.release_notebook(lesson, "en")
    before = {line.strip() for cell in source.cells for line in cell.source.splitlines()}
    after = {line.strip() for cell in release.cells for line in cell.source.splitlines()}
    return _telling(before - after)


def _hidden_lines(lesson: Lesson) -> set[str]:
    hidden = (lesson.folder / "checks" / "hidden.py").read_text(encoding="utf-8")
    visible = (lesson.folder / "checks" / "visible.py").read_text(encoding="utf-8")
    shared = {line.strip() for line in visible.splitlines()}
    return _telling({line.strip() for line in hidden.splitlines()} - shared)


def _telling(lines: set[str]) -> set[str]:
    return {line for line in lines if len(line) >= _SHORTEST_TELLING_LINE and not line.startswith(_TELLS_NOTHING)}


def record(lesson: Lesson, rows: list[GateRow], seeds: int) -> Path:
    """Write a passed verdict beside the lesson, to be committed: who clones the lab need not try every mutant again.

    It holds for as long as neither the lesson nor the code that judges it changes.
    """
    path = lesson.folder / VERDICT
    verdict = {"digest": _digest(lesson), "seeds": seeds, "rows": [asdict(row) for row in rows]}
    path.write_text(json.dumps(verdict, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return path


def recorded(lesson: Lesson, seeds: int) -> list[GateRow]:
    """Give the rows of the verdict beside the lesson; none when it is about other code, or about fewer seeds."""
    path = lesson.folder / VERDICT
    verdict = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if verdict.get("digest") != _digest(lesson) or verdict["seeds"] < seeds:
        return []
    return [GateRow(**row) for row in verdict["rows"]]


def _digest(lesson: Lesson) -> str:
    """Hash what decides who passes: the lesson, its data, the code that compares, and Spark as it is set up.

    How a sandbox is made is not part of it: its own tests look after that.
    """
    hub, kernels = Path(__file__).parents[1], Path(checks.__file__).parents[1]
    grading = [hub / "grading" / name for name in ("build.py", "cases.py", "course.py", "gate.py", "scenario.py")]
    code = [*datagen.sources(lesson.data.generator), kernels / "checks", kernels / "jvm.py", JARS_LOCK, *grading]
    digest = hashlib.sha256()
    for top in (lesson.folder, *code):
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and path.name != VERDICT and "__pycache__" not in path.parts:
                digest.update(f"{top.name}/{path.relative_to(top)}".encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
