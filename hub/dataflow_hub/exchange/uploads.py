"""Reading an upload: bounded before it is parsed, so that a hostile one costs little."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dataflow_hub.exchange.refusals import RefusedError, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dataflow_hub.exchange.model import Limits

_NOTEBOOK_BYTES, _CONTAINERS, _COMMAS, _CELLS = 10 * 2**20, 400_000, 600_000, 2_000
_AGAIN = "Open the notebook, clear its outputs, save it and submit again."


@dataclass(frozen=True)
class Upload:
    """What a client sent: its own id for the submission, and the files."""

    submission_id: str
    files: dict[str, bytes]


def body_limit(limits: Limits) -> int:
    """Give the most bytes that a request for one submission may have."""
    return limits.max_bytes * 4 // 3 + limits.max_files * 1000 + 4096


def read_upload(body: bytes, limits: Limits) -> Upload:
    """Read {"submission_id", "files": {name: base64}}.

    Raises
    ------
    RefusedError
        It is not that.
    TooLargeError
        It names more files than a submission may have.
    """
    if body.count(b'"') > 8 * limits.max_files + 100:
        raise TooLargeError(f"At most {limits.max_files} files are taken in one submission.", fix="Move data out of the folder.")
    values = _parse("The upload", body)
    files = values.get("files") if isinstance(values, dict) else None
    number = values.get("submission_id") if isinstance(values, dict) else None
    if not isinstance(files, dict) or not isinstance(number, str):
        raise RefusedError("The upload has no files or no submission id.", fix="Use the Assignments list or `nbgrader submit`.")
    return Upload(submission_id=number, files={name: _decode(name, text) for name, text in files.items()})


def _decode(name: str, text: object) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RefusedError(f"{name[:80]!r} did not arrive whole.", why=str(error), fix="Submit again.") from error


def check_notebooks(files: Mapping[str, bytes]) -> None:
    """Refuse notebooks that could not be opened for grading, while the student can still do something about it.

    Raises
    ------
    RefusedError
        One is empty, not JSON, or has no cells.
    TooLargeError
        One is too large, or has too many parts.
    """
    for name, content in files.items():
        if name.endswith(".ipynb"):
            _check_notebook(name, content)


def _check_notebook(name: str, content: bytes) -> None:
    parts = content.count(b"{") + content.count(b"[")
    if len(content) > _NOTEBOOK_BYTES or parts > _CONTAINERS or content.count(b",") > _COMMAS:
        raise TooLargeError(
            f"{name} is too large ({len(content) / 2**20:.1f} MiB, {parts} parts).",
            why=f"A notebook may have {_NOTEBOOK_BYTES // 2**20} MiB.",
            fix=_AGAIN,
        )
    notebook = _parse(name, content)
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise RefusedError(f"{name} is not a notebook of version 4.", why="It has no list of cells.", fix=_AGAIN)
    if len(cells) > _CELLS:
        raise TooLargeError(f"{name} has {len(cells)} cells.", why=f"At most {_CELLS} are graded.", fix="Delete cells you do not need.")


def _parse(what: str, content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise RefusedError(f"{what} is damaged: it cannot be read.", why=str(error)[:200], fix=_AGAIN) from error
