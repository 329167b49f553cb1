"""Where a text can still be found: every file of a folder is looked into, whether a table still names it or not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


def contents(place: str, options: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give what the files below a folder say, by path: rows of Parquet files, also of those that no version of a table needs, and logs.

    Parameters
    ----------
    place
        The folder's URI, or its path.
    options
        delta-rs storage options; nothing for files.
    """
    from deltalake.fs import DeltaStorageHandler
    from pyarrow.fs import FileSelector, PyFileSystem

    system = PyFileSystem(DeltaStorageHandler(place, dict(options or {}) or None))
    found = sorted(info.path for info in system.get_file_info(FileSelector("", recursive=True)) if info.is_file)
    return {path: text_of(path, system.open_input_file(path).read()) for path in found}


def traces(place: str, texts: Iterable[str], options: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """List the files below a folder in which one of some texts can be found: `folder`, `file` and `found`, the number of those texts."""
    wanted = [text for text in texts if text]
    counted = {path: sum(text in said for text in wanted) for path, said in contents(place, options).items()}
    parts = [(*path.rpartition("/"), count) for path, count in counted.items() if count]
    return [{"folder": folder, "file": _short(name), "found": count} for folder, _, name, count in parts]


def text_of(path: str, content: bytes) -> str:
    """Give what one file says: the rows of a Parquet file as JSON, or its bytes as text."""
    if not path.endswith(".parquet"):
        return content.decode(errors="replace")
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(pa.BufferReader(content)).to_pylist()
    except (pa.ArrowException, OSError):  # half a file, of a writer that died
        return content.decode(errors="replace")
    return json.dumps(rows, ensure_ascii=False, default=str)


def _short(name: str) -> str:
    return name if len(name) <= 28 else f"{name[:24]}…"  # noqa: PLR2004 - what a line has room for
