"""Names that may become paths: checked before anything touches the disk."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from dataflow_hub.exchange.refusals import RefusedError, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dataflow_hub.exchange.model import Limits

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")
_PART_BYTES, _PATH_BYTES, _DEPTH = 200, 600, 8


def check_word(kind: str, name: str) -> str:
    """Give `name` back if it can be one folder's name: a course, lesson, user, language or id.

    Raises
    ------
    RefusedError
        It is empty, too long, starts with a dot, or has characters beyond letters, digits and `. _ @ + -`.
    """
    if not isinstance(name, str) or not _WORD.fullmatch(name) or ".." in name:
        raise RefusedError(
            f"{name!r} cannot be the name of a {kind}.", why="Only letters, digits and . _ @ + - are allowed.", fix="Use a plain name."
        )
    return name


def check_path(name: str) -> str:
    """Give `name` back if it is a relative path of plain, normalised parts.

    Raises
    ------
    RefusedError
        It is absolute, climbs with `..`, is too long or deep, or holds control characters, backslashes or odd Unicode.
    """
    if not isinstance(name, str) or unicodedata.normalize("NFC", name) != name or _too_long(name):
        raise _refuse_path(name)
    parts = name.split("/")
    if len(parts) > _DEPTH or not all(_plain(part) for part in parts):
        raise _refuse_path(name)
    return name


def _too_long(name: str) -> bool:
    try:
        return len(name.encode("utf-8")) > _PATH_BYTES
    except UnicodeEncodeError:  # a lone surrogate is no file name
        return True


def _plain(part: str) -> bool:
    if part in {"", ".", ".."} or part != part.strip() or len(part.encode("utf-8")) > _PART_BYTES:
        return False
    return part.isprintable() and "\\" not in part  # no control, bidirectional or line-breaking characters: names reach logs and pages


def _refuse_path(name: object) -> RefusedError:
    return RefusedError(
        f"{str(name)[:80]!r} cannot be the name of a submitted file.",
        why="Names are relative paths of plain parts, without .., control characters or backslashes.",
        fix="Rename the file and submit again.",
    )


def check_paths(names: Iterable[str]) -> None:
    """Check every name, and that no two of them collide on any file system.

    Raises
    ------
    RefusedError
        A bad name; two names that differ in case only; a name that is also the folder of another.
    """
    seen: set[str] = set()
    folders: set[str] = set()
    for name in names:
        folded = check_path(name).casefold()
        if folded in seen:
            raise RefusedError(f"Two submitted files are both called {name!r}.", fix="Rename one of them.")
        seen.add(folded)
        parts = folded.split("/")
        folders.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
    if both := seen & folders:
        raise RefusedError(f"{min(both)!r} is both a file and a folder.", fix="Rename one of them.")


def check_files(files: Mapping[str, bytes], limits: Limits) -> int:
    """Check the names, number and size of `files`; give their size in bytes.

    Raises
    ------
    RefusedError
        No files, or a bad name.
    TooLargeError
        Too many files or bytes.
    """
    if not files:
        raise RefusedError("There is nothing in this submission.", fix="Submit the folder that holds your notebook.")
    if len(files) > limits.max_files:
        raise TooLargeError(
            f"{len(files)} files are too many for one submission.",
            why=f"At most {limits.max_files} are taken.",
            fix="Move data and results out of the assignment's folder.",
        )
    size = sum(len(content) for content in files.values())
    if size > limits.max_bytes:
        raise TooLargeError(
            f"{size / 2**20:.1f} MiB are too much for one submission.",
            why=f"At most {limits.max_bytes / 2**20:.0f} MiB are taken.",
            fix="Clear large outputs, move data out of the assignment's folder, and submit again.",
        )
    check_paths(files)
    return size
