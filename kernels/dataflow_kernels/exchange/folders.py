"""The student's own folders: what is handed in, and how what arrives is written."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import secrets
import shutil
import stat
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from dataflow_kernels.exchange.client import ExchangeRefusedError

# made by nbgrader, Spark and MLflow while a student works; no part of an answer
NOT_SUBMITTED = ("feedback", "timestamp.txt", "submission_secret.txt", "*.pyc", "__pycache__", "spark-warehouse", "metastore_db", "mlruns")


def gather(folder: Path, ignored: Iterable[str] = ()) -> tuple[dict[str, bytes], list[str]]:
    """Give the files to hand in by name, and the names of links and special files that were left out."""
    patterns = (*NOT_SUBMITTED, *ignored)
    files: dict[str, bytes] = {}
    left_out: list[str] = []
    for path in sorted(_walk(folder, patterns)):
        name = unicodedata.normalize("NFC", path.relative_to(folder).as_posix())
        if stat.S_ISREG(path.lstat().st_mode):
            files[name] = path.read_bytes()
        else:
            left_out.append(name)
    return files, left_out


def _walk(folder: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    for entry in os.scandir(folder):
        if entry.name.startswith(".") or any(fnmatch.fnmatch(entry.name, pattern) for pattern in patterns):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), patterns)
        else:
            yield Path(entry.path)


def check_size(files: Mapping[str, bytes], limits: Mapping[str, int]) -> None:
    """Refuse here what the exchange would refuse after a long upload.

    Raises
    ------
    ExchangeRefusedError
        Too many files, or too many bytes; the largest is named.
    """
    size = sum(len(content) for content in files.values())
    if files and (len(files) > limits["max_files"] or size > limits["max_bytes"]):
        largest = max(files, key=lambda name: len(files[name]))
        raise ExchangeRefusedError(
            f"This submission is too large: {len(files)} files, {size / 2**20:.1f} MiB.",
            why=f"At most {limits['max_files']} files and {limits['max_bytes'] / 2**20:.0f} MiB are taken; {largest} is the largest file.",
            fix="Clear large outputs, move data out of the assignment's folder, and submit again.",
        )


def content_hash(files: Mapping[str, bytes]) -> str:
    """Give the sha256 that a receipt for `files` must show: over a line `sha256  name` per file, in order of name."""
    lines = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return hashlib.sha256("".join(lines).encode("utf-8")).hexdigest()


def write_new(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make `folder` with `files`, whole or not at all."""
    staged = folder.parent / f".{folder.name}.{secrets.token_hex(4)}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        for name, content in files.items():
            write_file(staged, name, content)
        staged.rename(folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def write_file(folder: Path, name: str, content: bytes) -> Path:
    """Write or replace one file below `folder`.

    Raises
    ------
    ExchangeRefusedError
        The name leads out of the folder.
    """
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts or not parts.parts or "\0" in name:
        raise ExchangeRefusedError(f"The exchange sent a file with a bad name: {name!r}.", fix="Tell your instructor.")
    path = folder.joinpath(*parts.parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    temporary.write_bytes(content)
    temporary.replace(path)
    return path
