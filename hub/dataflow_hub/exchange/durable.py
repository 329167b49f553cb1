"""Writing that survives a crash: whole or absent, and on the disk before anyone is told."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import secrets
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataflow_hub.exchange.refusals import NoRoomError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dataflow_hub.exchange.model import FaultPoint

_FULL = {errno.ENOSPC, errno.EDQUOT}


def sync_folder(folder: Path) -> None:
    """Put the folder's own entries on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make `folder` and its missing parents, private, each on the disk."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    sync_folder(folder.parent)


def write_file(path: Path, content: bytes, mode: int = 0o400) -> None:
    """Write a new file and put it on the disk; it must not exist."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_tree(folder: Path, files: Mapping[str, bytes], at: FaultPoint) -> None:
    """Write checked names and contents under `folder`, then close it to writing."""
    make_folder(folder)
    for name in sorted(files):
        path = folder / name
        make_folder(path.parent)
        write_file(path, files[name])
        at("file written")
    for inner in sorted((p for p in folder.rglob("*") if p.is_dir()), reverse=True):
        inner.chmod(0o500)
        sync_folder(inner)
    folder.chmod(0o500)
    sync_folder(folder)
    at("tree written")


def read_tree(folder: Path) -> dict[str, bytes]:
    """Give every regular file under `folder` by its relative name; links and special files are left out."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Replace a JSON file, whole or not at all, on the disk when this returns."""
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        write_file(temporary, encode_json(values), 0o600)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def encode_json(values: Mapping[str, Any]) -> bytes:
    """Give JSON text that a person can read too."""
    return (json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode("utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file that `write_json` wrote."""
    values: dict[str, Any] = json.loads(path.read_bytes())
    return values


def place(folder: Path, final: Path, at: FaultPoint) -> None:
    """Give a finished temporary folder its final name, durably; `final` must not exist.

    Raises
    ------
    FileExistsError, OSError
        Something has that name already.
    """
    sync_folder(folder)
    make_folder(final.parent)
    at("parent made")
    folder.rename(final)  # onto a folder with content this fails, so nothing kept is ever replaced
    at("renamed")
    sync_folder(final.parent)
    at("parent synced")
    final.chmod(0o500)  # only now: a folder that is closed to writing cannot be moved to another parent


def remove_tree(folder: Path) -> None:
    """Remove a folder, read-only parts included."""
    if not folder.exists():
        return
    folder.chmod(0o700)
    for inner in folder.rglob("*"):
        if inner.is_dir() and not inner.is_symlink():
            inner.chmod(0o700)
    shutil.rmtree(folder)


@contextlib.contextmanager
def staging(incoming: Path) -> Iterator[Path]:
    """Give an empty temporary folder on the store's own file system; what is left of it is removed.

    Raises
    ------
    NoRoomError
        The disk filled up; nothing is left behind.
    """
    folder = incoming / secrets.token_hex(8)
    try:
        make_folder(incoming)
        folder.mkdir(mode=0o700)
        yield folder
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise NoRoomError(
            "The exchange has no room left; nothing was kept.",
            why=os.strerror(error.errno or errno.ENOSPC),
            fix="Tell your instructor. Your work is safe in your own folder: submit again once there is room.",
        ) from error
    finally:
        remove_tree(folder)


def sweep(incoming: Path, older_than_seconds: float) -> int:
    """Remove what killed writers left in `incoming`; give how many folders that were."""
    if not incoming.is_dir():
        return 0
    limit = time.time() - older_than_seconds
    stale = [folder for folder in incoming.iterdir() if folder.stat().st_mtime <= limit]
    for folder in stale:
        remove_tree(folder)
    return len(stale)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `folder` for one writer among all processes; the kernel lets go when the holder dies."""
    make_folder(folder)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
