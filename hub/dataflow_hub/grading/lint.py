"""What a lesson owes: the contract of lessons, checked on its folder alone, without running it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import jupytext
from nbformat import NotebookNode

from dataflow_hub.errors import LessonError
from dataflow_hub.grading import build, wording
from dataflow_hub.grading.cases import declared
from dataflow_hub.grading.course import LANGUAGES, Lesson

MAX_GRADED_CELLS = 7
POINT_SHARES = {"visible": (0.2, 0.4), "hidden": (0.4, 0.6), "manual": (0.1, 0.3)}
MIN_MUTANTS, MIN_SOLUTIONS = 6, 2


@dataclass(frozen=True)
class Problem:
    """One way in which a lesson breaks its contract, for its author."""

    lesson: str
    what: str

    def __str__(self) -> str:
        return f"{self.lesson}: {self.what}"


def lint(lesson: Lesson) -> list[Problem]:
    """List all that is wrong with a lesson; an empty list when nothing is."""
    rules: tuple[Callable[[Lesson], Iterator[str]], ...] = (
        _texts_in_pairs, _texts_read_well, _cells_graded_once, _notebooks_build, _checks_are_defined, _objectives_and_checks,
        _points_are_shared_out, _mutants_cover_the_hidden_checks, _functions_are_defined, _generated_files_are_current, _guide_is_there,
    )  # fmt: skip
    return [Problem(f"{lesson.course}/{lesson.name}", what) for rule in rules for what in _found(rule, lesson)]


def _found(rule: Callable[[Lesson], Iterator[str]], lesson: Lesson) -> list[str]:
    try:
        return list(rule(lesson))
    except LessonError as error:
        return [str(error)]


def _source_cells(lesson: Lesson) -> list[NotebookNode]:
    return list(jupytext.read(lesson.source, fmt="py:percent").cells)


def _tags(cell: NotebookNode, kind: str) -> list[str]:
    return [tag.removeprefix(f"{kind}:") for tag in cell.metadata.get("tags", []) if tag.startswith(f"{kind}:")]


def _texts_in_pairs(lesson: Lesson) -> Iterator[str]:
    """Each English text is followed by its translation: cells then have the same place in both notebooks."""
    texts = [(number, _tags(cell, "lang")) for number, cell in enumerate(_source_cells(lesson)) if cell.cell_type == "markdown"]
    for number, languages in texts:
        if len(languages) != 1 or languages[0] not in LANGUAGES:
            yield f"text cell {number} needs exactly one of the tags lang:en, lang:pt-BR"
    order = [languages[0] for _, languages in texts if languages]
    if order != list(LANGUAGES) * (len(order) // 2):
        yield "texts do not come in pairs, first lang:en, then lang:pt-BR"
    for number, cell in enumerate(_source_cells(lesson)):
        if cell.cell_type == "code" and _tags(cell, "lang"):
            yield f"code cell {number} has a language: code is the same in both"


def _texts_read_well(lesson: Lesson) -> Iterator[str]:
    cells = [(cell.source, _tags(cell, "lang")) for cell in _source_cells(lesson) if cell.cell_type == "markdown"]
    for language in LANGUAGES:
        yield from wording.problems("\n\n".join(source for source, languages in cells if language in languages), language)


def _cells_graded_once(lesson: Lesson) -> Iterator[str]:
    for language in LANGUAGES:
        notebook = build.source_notebook(lesson, language)
        marked = [cell.metadata.nbgrader for cell in notebook.cells if "nbgrader" in cell.metadata]
        names = [each.grade_id for each in marked]
        yield from (f"{language}: {name} is the tag of {names.count(name)} cells" for name in sorted(set(names)) if names.count(name) > 1)
        graded = {each.grade_id for each in marked if each.grade}
        yield from (f"{language}: no cell is tagged for {name}" for name in lesson.grade_ids if name not in graded)
        if len(graded) > MAX_GRADED_CELLS:
            yield f"{len(graded)} graded cells, at most {MAX_GRADED_CELLS} are allowed"


def _notebooks_build(lesson: Lesson) -> Iterator[str]:
    for language in LANGUAGES:
        for cell in build.release_notebook(lesson, language).cells:
            if cell.cell_type == "code" and not _parses(cell.source):
                yield f"{language}: the released cell {cell.id} is not Python"


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


def _checks_are_defined(lesson: Lesson) -> Iterator[str]:
    visible, hidden = declared(lesson.folder / "checks")
    for kind, there in (("visible", visible), ("hidden", hidden)):
        named = {each.id for each in lesson.checks if each.kind == kind}
        yield from (f"checks/{kind}.py does not define {name}" for name in sorted(named - there))
        yield from (f"lesson.toml does not name the {kind} check {name}" for name in sorted(there - named))
    called = "\n".join(cell.source for cell in _source_cells(lesson) if _tags(cell, "check"))
    yield from (f"no graded cell calls check({each.id!r})" for each in lesson.checks if f'"{each.id}"' not in called)


def _objectives_and_checks(lesson: Lesson) -> Iterator[str]:
    known = {each.id for each in lesson.checks} | {each.grade_id for each in lesson.manual}
    shown = {name for objective in lesson.objectives for name in objective.shown_by}
    yield from (f"an objective is shown by {name}, which does not exist" for name in sorted(shown - known))
    yield from (f"{name} shows no objective" for name in sorted(known - shown))


def _points_are_shared_out(lesson: Lesson) -> Iterator[str]:
    points = {kind: sum(each.points for each in lesson.checks if each.kind == kind) for kind in ("visible", "hidden")}
    points["manual"] = sum(each.points for each in lesson.manual)
    total = sum(points.values())
    for kind, (low, high) in POINT_SHARES.items():
        if not low <= points[kind] / total <= high:
            yield f"{points[kind] / total:.0%} of the points are {kind}, not {low:.0%} to {high:.0%}"


def _mutants_cover_the_hidden_checks(lesson: Lesson) -> Iterator[str]:
    known, named = {each.id for each in lesson.checks}, set[str]()
    for mutant in lesson.mutants:
        lost = build.loses(mutant)
        named |= lost
        if not lost:
            yield f"{mutant.name} does not say which checks it loses"
        yield from (f"{mutant.name} loses {name}, which does not exist" for name in sorted(lost - known))
    hidden = {each.id for each in lesson.checks if each.kind == "hidden"}
    yield from (f"no mutant loses {name}" for name in sorted(hidden - named))
    for kind, files, least in (("mutants", lesson.mutants, MIN_MUTANTS), ("solutions", lesson.solutions, MIN_SOLUTIONS)):
        if len(files) < least:
            yield f"{len(files)} {kind}, at least {least} are needed"
        for path in files:
            build.with_solution(lesson, path)


def _functions_are_defined(lesson: Lesson) -> Iterator[str]:
    code = "\n".join(cell.source for cell in build.release_notebook(lesson, "en").cells if cell.cell_type == "code")
    defined = {node.name for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef)}
    yield from (f"the release does not define the function {name}" for name in lesson.functions if name not in defined)


def _generated_files_are_current(lesson: Lesson) -> Iterator[str]:
    for path, content in build.generated_files(lesson).items():
        if not path.is_file() or path.read_bytes() != content:
            yield f"{path.name} is not what lesson.py gives; build the course again"


def _guide_is_there(lesson: Lesson) -> Iterator[str]:
    if not (lesson.folder / "instructor.md").is_file():
        yield "instructor.md is missing"
