"""A submitted notebook as it came in: read within limits, refused in plain words, reduced to what may be graded.

It is read before nbgrader or any notebook library sees it, because those take whatever they are given.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
import stat
from typing import TYPE_CHECKING, Any

import nbformat
from nbformat.notebooknode import NotebookNode

from dataflow_hub.errors import LabError
from dataflow_hub.workspace import write_private

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

REFUSED = "dataflow_refused"
MAX_BYTES = 8 * 1024 * 1024
MAX_CELLS = 2_000
MAX_DEPTH = 40
MAX_PARTS = 200_000
_CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,60}")
MAX_SOURCE = 1024 * 1024
_MAJOR = 4
_FLESH = bytes(code for code in range(256) if code not in b'[]{}"')
_KEPT_CELL_METADATA = ("nbgrader", "tags")


class SubmissionRefusedError(LabError):
    """The submitted file cannot be graded, for a reason its author can mend."""

    exit_code = 6


def read_submission(path: Path) -> NotebookNode:
    """Give the notebook at `path` without outputs, attachments and foreign metadata, with every cell's id its own.

    Raises
    ------
    SubmissionRefusedError
        Not a notebook of format 4, or beyond a limit of size, cells or nesting.
    """
    return clean(parse(_read(path)))


def _read(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise SubmissionRefusedError("The submission has no readable notebook.", why=str(error.strerror), fix=_again()) from error
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise SubmissionRefusedError("The submitted notebook is not a plain file.", fix=_again())
        if status.st_size > MAX_BYTES:
            raise SubmissionRefusedError(
                f"The notebook has {status.st_size / 2**20:.0f} MiB; at most {MAX_BYTES // 2**20} are taken.",
                fix="Clear its outputs (Edit > Clear Outputs of All Cells), save and submit again.",
            )
        return file.read(MAX_BYTES + 1)


def _again() -> str:
    return "Open the notebook in Lab, save it and submit again."


def parse(content: bytes) -> dict[str, Any]:
    """Give the JSON object of a notebook; raises SubmissionRefusedError."""
    _refuse_structure(content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SubmissionRefusedError("The notebook is not UTF-8 text.", fix=_again()) from error
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise SubmissionRefusedError("The file is not a notebook.", why=str(error)[:200], fix=_again()) from error
    if not isinstance(value, dict) or value.get("nbformat") != _MAJOR or not isinstance(value.get("cells"), list):
        raise SubmissionRefusedError("The file is not a notebook of format 4.", fix="Save it with a current JupyterLab and submit again.")
    if len(value["cells"]) > MAX_CELLS:
        raise SubmissionRefusedError(
            f"The notebook has {len(value['cells'])} cells; at most {MAX_CELLS} are taken.", fix="Delete those not needed."
        )
    return value


def _refuse_constant(name: str) -> float:
    message = f"{name} is not JSON"
    raise ValueError(message)


def _refuse_structure(content: bytes) -> None:
    """Refuse JSON that would cost much to read: too many parts or too deep. Brackets inside strings are not counted."""
    bones = content.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, delete=_FLESH)
    if bones.count(b'"') > 2 * MAX_PARTS:
        raise SubmissionRefusedError("The notebook has too many parts.", fix=_again())
    brackets = b"".join(bones.split(b'"')[::2])
    if len(brackets) > MAX_PARTS:
        raise SubmissionRefusedError("The notebook has too many parts.", fix=_again())
    depth = 0
    for bracket in brackets:
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            raise SubmissionRefusedError("The notebook's JSON is nested too deeply.", fix=_again())


def clean(raw: dict[str, Any]) -> NotebookNode:
    """Give a valid notebook with what matters of `raw`: its cells' kind, source, id and nbgrader's metadata.

    Raises
    ------
    SubmissionRefusedError
        A cell is not what the format says.
    """
    seen: set[str] = set()
    cells = [_clean_cell(cell, index, seen) for index, cell in enumerate(raw["cells"])]
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernelspec})
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        raise SubmissionRefusedError("The notebook is not valid.", why=str(error)[:200], fix=_again()) from error
    return notebook


def _clean_cell(cell: object, index: int, seen: set[str]) -> NotebookNode:
    if not isinstance(cell, dict) or cell.get("cell_type") not in {"code", "markdown", "raw"}:
        raise SubmissionRefusedError(f"Cell {index + 1} is not a notebook cell.", fix=_again())
    source = cell.get("source", "")
    text = "".join(part for part in source if isinstance(part, str)) if isinstance(source, list) else source
    if not isinstance(text, str) or len(text) > MAX_SOURCE:
        raise SubmissionRefusedError(f"The text of cell {index + 1} is missing or too long.", fix=_again())
    given = cell.get("metadata")
    metadata: dict[str, Any] = given if isinstance(given, dict) else {}
    kept = {key: metadata[key] for key in _KEPT_CELL_METADATA if isinstance(metadata.get(key), dict | list)}
    make = getattr(nbformat.v4, f"new_{cell['cell_type']}_cell")
    made: NotebookNode = make(source=text, metadata=_sound_metadata(kept))
    made["id"] = _own_id(cell.get("id"), index, seen)
    return made


def _sound_metadata(kept: dict[str, Any]) -> dict[str, Any]:
    nbgrader = kept.get("nbgrader")
    if isinstance(nbgrader, dict) and not isinstance(nbgrader.get("grade_id"), str):
        kept.pop("nbgrader")  # cannot be matched with a cell of the source
    if not isinstance(kept.get("tags", []), list) or not all(isinstance(tag, str) for tag in kept.get("tags", [])):
        kept.pop("tags")
    return kept


def _own_id(wanted: object, index: int, seen: set[str]) -> str:
    chosen = wanted if isinstance(wanted, str) and _CELL_ID.fullmatch(wanted) and wanted not in seen else f"cell-{index}"
    while chosen in seen:
        chosen += "x"
    seen.add(chosen)
    return chosen


def restore(submitted: NotebookNode, source: NotebookNode, other_languages: Sequence[NotebookNode] = ()) -> NotebookNode:
    """Give `submitted` with every cell that nbgrader knows as the released `source` has it.

    A known cell takes the source's metadata, a locked one its text too; a known cell that is missing is put back at the end;
    whatever else claims to be nbgrader's loses the claim. So edited points, checksums and ids have no effect. An answer left
    as another language's release has it counts as left blank.
    """
    blanks = {(grade_id, cell.source) for each in other_languages for grade_id, cell in _known(each).items()}
    known = _known(source)
    met: set[str] = set()
    for cell in submitted.cells:
        grade_id = cell.metadata.pop("nbgrader", {}).get("grade_id")
        if grade_id in known and grade_id not in met and cell.cell_type == known[grade_id].cell_type:
            met.add(grade_id)
            _restore_cell(cell, known[grade_id])
            cell.source = known[grade_id].source if (grade_id, cell.source) in blanks else cell.source
    submitted.cells += [_blank_outputs(copy.deepcopy(cell)) for grade_id, cell in known.items() if grade_id not in met]
    for index, cell in enumerate(submitted.cells):
        cell["id"] = f"c{index}"
    return submitted


def _known(source: NotebookNode) -> dict[str, NotebookNode]:
    return {cell.metadata.nbgrader.grade_id: cell for cell in source.cells if "nbgrader" in cell.metadata}


def _restore_cell(cell: NotebookNode, source: NotebookNode) -> None:
    cell.metadata["nbgrader"] = copy.deepcopy(source.metadata.nbgrader)
    if source.metadata.nbgrader.get("locked") or (source.metadata.nbgrader.get("grade") and not source.metadata.nbgrader.get("solution")):
        cell.source = source.source


def _blank_outputs(cell: NotebookNode) -> NotebookNode:
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
    return cell


def refusal(source: NotebookNode, refused: SubmissionRefusedError) -> NotebookNode:
    """Give what is graded in place of a refused submission: the blank release under a note that says why."""
    blank = copy.deepcopy(source)
    note = nbformat.v4.new_markdown_cell(f"**{refused.what}**\n\n{refused.fix}")
    note["id"] = "refused"
    blank.cells.insert(0, note)
    blank.metadata[REFUSED] = refused.what
    return blank


def write_sanitised(path: Path, record: Path, source: NotebookNode, other_languages: Sequence[NotebookNode] = ()) -> str:
    """Make the submitted notebook at `path` safe to hand to nbgrader; give the reason when it was refused, else "".

    What the student handed in stays as it was in the exchange; this is the copy that was collected. `record`, out of the
    student's reach, tells a copy that has been through this from a fresh one.
    """
    done = _recorded(path, record)
    if done is not None:
        return done
    reason = ""
    try:
        notebook = restore(read_submission(path), source, other_languages)
    except SubmissionRefusedError as refused:
        notebook, reason = refusal(source, refused), refused.what
    content = nbformat.writes(notebook).encode()
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
    write_private(record, json.dumps({"sha256": hashlib.sha256(content).hexdigest(), "reason": reason}))
    return reason


def _recorded(path: Path, record: Path) -> str | None:
    if not record.is_file() or path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_BYTES:
        return None
    facts = json.loads(record.read_text(encoding="utf-8"))
    return str(facts["reason"]) if facts["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest() else None
