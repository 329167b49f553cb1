"""Notebooks made from a lesson's py:percent source: with solutions, as a release, or as a submission.

Cells say what they are by one tag: `solution:<name>` (what a student writes, between `### BEGIN SOLUTION` and
`### END SOLUTION`), `check:<grade_id>` (a cell that carries points), `manual:<grade_id>` (an answer that a person marks).
Text cells carry `lang:en` or `lang:pt-BR`. Code has no language, so both notebooks hold the same bytes of it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode

from dataflow_hub.errors import LessonError
from dataflow_hub.grading.course import LANGUAGES, CheckSpec, Lesson

_REGION = re.compile(r"^(?P<indent> *)### BEGIN SOLUTION\n(?P<body>.*?)^ *### END SOLUTION\n?", re.DOTALL | re.MULTILINE)
_INSTEAD = re.compile(r"^ *### INSTEAD\n", re.MULTILINE)
_STUB = re.compile(r"^( *)#\| ?", re.MULTILINE)
_NBGRADER_SCHEMA = 3


def source_notebook(lesson: Lesson, language: str) -> NotebookNode:
    """Make the notebook of one language, solutions included, with nbgrader's metadata and no outputs.

    Raises
    ------
    LessonError
        When the source names a graded cell that `lesson.toml` does not, or a tag twice.
    """
    cells = [_finished(lesson, cell, role) for cell, role in _cells(lesson, language)]
    ids = _cell_ids(cells)
    for cell, cell_id in zip(cells, ids, strict=True):
        cell["id"] = cell_id
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=_notebook_metadata(lesson, language))
    nbformat.validate(notebook)
    return notebook


def release_notebook(lesson: Lesson, language: str) -> NotebookNode:
    """Make the notebook that students fetch: each solution replaced by what `### INSTEAD` gives, or by a raise.

    Raises
    ------
    LessonError
        When a solution's text would be left in it.
    """
    notebook = source_notebook(lesson, language)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = stripped(cell.source)
    left = [cell.id for cell in notebook.cells if "### " in cell.source and "SOLUTION" in cell.source]
    if left:
        what = f"A solution is left in the release of {lesson.name}."
        raise LessonError(what, why=f"Cells {left}.", fix="Close each ### BEGIN SOLUTION.")
    return notebook


def stripped(source: str) -> str:
    """Take the solution regions out of a code cell."""
    return _REGION.sub(_stub, source if source.endswith("\n") else source + "\n").rstrip("\n")


def with_solution(lesson: Lesson, solution: Path | None, language: str = "en") -> NotebookNode:
    """Make a submission: the reference with the cells of a solution or mutant file in their place; None gives the reference itself.

    Raises
    ------
    LessonError
        When the file has a cell that the lesson lacks.
    """
    notebook = source_notebook(lesson, language)
    if solution is None:
        return notebook
    cells = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if _is_solution(cell)}
    for name, source in replacements(solution).items():
        if name not in cells:
            raise LessonError(f"{solution} fills a cell that is not there: {name}.", why=f"The lesson has {', '.join(cells)}.")
        cells[name].source = source
    return notebook


def replacements(path: Path) -> dict[str, str]:
    """Read a solution or mutant file: the source of each cell that it fills, by the cell's name."""
    notebook = jupytext.read(path, fmt="py:percent")
    named = ((_role(cell), cell.source) for cell in notebook.cells if cell.cell_type == "code")
    return {role[1]: source for role, source in named if role and role[0] == "solution"}


def loses(mutant: Path) -> frozenset[str]:
    """Read from a mutant's header which checks it must lose: `# loses: bronze.rerun, bronze.counts`."""
    found = re.search(r"^# loses: (.+)$", mutant.read_text(encoding="utf-8"), re.MULTILINE)
    return frozenset(name.strip() for name in found.group(1).split(",")) if found else frozenset()


def release_files(lesson: Lesson, language: str) -> dict[str, bytes]:
    """Give every file of the release in one language: nothing is released that is not named here."""
    return {
        f"{lesson.notebook}.ipynb": _bytes(release_notebook(lesson, language)),
        "checks_visible.py": visible_checks(lesson),
    }


def visible_checks(lesson: Lesson) -> bytes:
    """Give the visible checks as released: their source, and the titles of the hidden ones."""
    source = (lesson.folder / "checks" / "visible.py").read_text(encoding="utf-8")
    promises = "".join(_promise(spec) for spec in lesson.checks if spec.kind == "hidden")
    return f"{source}\n\n# Checked after submission, on data that you have not seen.\nPROMISES = {{\n{promises}}}\n".encode()


def _promise(spec: CheckSpec) -> str:
    title = (json.dumps(text, ensure_ascii=False) for text in (spec.title.en, spec.title.pt))
    return f"    {json.dumps(spec.id)}: (\n" + "".join(f"        {text},\n" for text in title) + "    ),\n"


def generated_files(lesson: Lesson) -> dict[Path, bytes]:
    """Give the files that are made from the lesson's source and kept in git beside it."""
    notebooks = {lesson.folder / f"lesson.{language}.ipynb": _bytes(source_notebook(lesson, language)) for language in LANGUAGES}
    return {**notebooks, lesson.folder / "checks_visible.py": visible_checks(lesson)}


def write_generated(lesson: Lesson) -> tuple[Path, ...]:
    """Write the generated files that differ, and name them."""
    changed = {path: content for path, content in generated_files(lesson).items() if not path.is_file() or path.read_bytes() != content}
    for path, content in changed.items():
        path.write_bytes(content)
    return tuple(changed)


def _bytes(notebook: NotebookNode) -> bytes:
    text: str = nbformat.writes(notebook, indent=1, sort_keys=True)
    return (text.rstrip("\n") + "\n").encode()


def _cells(lesson: Lesson, language: str) -> Iterator[tuple[NotebookNode, tuple[str, str] | None]]:
    for cell in jupytext.read(lesson.source, fmt="py:percent").cells:
        languages = {tag.removeprefix("lang:") for tag in cell.metadata.get("tags", []) if tag.startswith("lang:")}
        if cell.cell_type in ("code", "markdown") and (not languages or language in languages):
            yield cell, _role(cell)


def _role(cell: NotebookNode) -> tuple[str, str] | None:
    for tag in cell.metadata.get("tags", []):
        kind, _, name = tag.partition(":")
        if kind in ("solution", "check", "manual") and name:
            return kind, name
    return None


def _finished(lesson: Lesson, cell: NotebookNode, role: tuple[str, str] | None) -> NotebookNode:
    make = nbformat.v4.new_code_cell if cell.cell_type == "code" else nbformat.v4.new_markdown_cell
    metadata = {"nbgrader": _nbgrader(lesson, cell.cell_type, *role)} if role else {}
    return make(cell.source, metadata=metadata)


def _nbgrader(lesson: Lesson, cell_type: str, kind: str, name: str) -> dict[str, Any]:
    graded = kind in ("check", "manual")
    if graded and name not in lesson.grade_ids:
        what = f"{lesson.source} grades a cell that lesson.toml does not name: {name}."
        raise LessonError(what, fix=f"One of {', '.join(lesson.grade_ids)}.")
    metadata = {
        "schema_version": _NBGRADER_SCHEMA,
        "cell_type": cell_type,
        "grade_id": name,
        "grade": graded,
        "solution": kind in ("solution", "manual"),
        "locked": kind == "check",
        "task": False,
    }
    return metadata | ({"points": lesson.points(name)} if graded else {})


def _cell_ids(cells: list[NotebookNode]) -> list[str]:
    """Name graded and solution cells by their grade_id, the others by their place: the same in both languages and each build."""
    return [
        cell.metadata.nbgrader.grade_id if "nbgrader" in cell.metadata else f"cell-{number:03d}" for number, cell in enumerate(cells)
    ]


def _notebook_metadata(lesson: Lesson, language: str) -> dict[str, Any]:
    return {
        "kernelspec": {"name": lesson.kernelspec, "display_name": "Spark + Delta", "language": "python"},
        "language_info": {"name": "python"},
        "dataflow": {"course": lesson.course, "lesson": lesson.name, "language": language, "source": _fingerprint(lesson)},
    }


def _fingerprint(lesson: Lesson) -> str:
    return hashlib.sha256(lesson.source.read_bytes()).hexdigest()[:12]


def _is_solution(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and bool(cell.metadata.get("nbgrader", {}).get("solution"))


def _stub(region: re.Match[str]) -> str:
    parts = _INSTEAD.split(region["body"], maxsplit=1)
    if len(parts) == 1:
        return f"{region['indent']}# YOUR CODE HERE\n{region['indent']}raise NotImplementedError\n"
    return _STUB.sub(r"\1", parts[1])
