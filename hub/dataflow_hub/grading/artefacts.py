"""What a sandbox hands over: copied out file by file, as plain data, whatever the student's code put in its place.

The copy follows no link and opens nothing but regular files, from descriptors of folders already opened, so that nothing
swapped in mid-copy leads outside. It stops at a size, a count and a depth.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from dataflow_hub.errors import LabError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK = 1024 * 1024


class ArtefactRefusedError(LabError):
    """What was to be handed over is not plain files within the limits; the student is at fault, not the lab."""


@dataclass
class Allowance:
    """What is still allowed; shared by all copies out of one box."""

    n_bytes: int
    n_files: int = 20_000
    depth: int = 12
    used_bytes: int = field(default=0, init=False)

    def take_bytes(self, count: int) -> None:
        """Count bytes against the allowance; refuse when it is used up."""
        self.used_bytes += count
        if self.used_bytes > self.n_bytes:
            raise ArtefactRefusedError(f"The submission's tables are larger than {self.n_bytes // 2**20} MiB.")

    def take_file(self) -> None:
        """Count one file or folder against the allowance; refuse when it is used up."""
        self.n_files -= 1
        if self.n_files < 0:
            raise ArtefactRefusedError("The submission wrote too many files.")


def open_folder(root: Path, *parts: str) -> int:
    """Give a descriptor of the folder `root/parts…`; no part below `root` may be a link.

    Raises
    ------
    FileNotFoundError
        A part is missing.
    ArtefactRefusedError
        A part is a link, or not a folder.
    """
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in parts:
        try:
            following = os.open(part, _FOLDER, dir_fd=descriptor)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise ArtefactRefusedError(f"{part} is a link, or not a folder.", why=str(error)) from error
        finally:
            os.close(descriptor)
        descriptor = following
    return descriptor


def copy_out(root: Path, parts: tuple[str, ...], into: Path, allowance: Allowance, *, skip: tuple[str, ...] = ()) -> None:
    """Copy the folder `root/parts…` to `into`, but for what is named in `skip`; a missing folder gives an empty copy.

    Raises
    ------
    ArtefactRefusedError
        A link, hard link, device, socket or FIFO is in it, or it is beyond the allowance.
    """
    into.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = open_folder(root, *parts)
    except FileNotFoundError:
        return
    try:
        _copy_folder(descriptor, into, allowance, allowance.depth, skip)
    finally:
        os.close(descriptor)


def _copy_folder(source: int, into: Path, allowance: Allowance, depth: int, skip: tuple[str, ...] = ()) -> None:
    if depth == 0:
        raise ArtefactRefusedError("The submission's folders are nested too deeply.")
    with os.scandir(source) as entries:
        names = []
        for entry in entries:
            allowance.take_file()
            if entry.name not in skip:
                names.append(entry.name)
    for name in sorted(names):
        _copy_entry(source, name, into / name, allowance, depth)


def _copy_entry(source: int, name: str, into: Path, allowance: Allowance, depth: int) -> None:
    try:
        status = os.stat(name, dir_fd=source, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            descriptor = os.open(name, _FOLDER, dir_fd=source)
        elif stat.S_ISREG(status.st_mode):
            descriptor = os.open(name, _FILE, dir_fd=source)
        else:
            raise ArtefactRefusedError(f"{name} is a link or a special file; only plain files are taken.")
    except FileNotFoundError:
        return  # a temporary file that was going anyway
    except OSError as error:
        raise ArtefactRefusedError(f"{name} could not be taken.", why=str(error)) from error
    try:
        if stat.S_ISDIR(status.st_mode):
            into.mkdir(exist_ok=True)
            _copy_folder(descriptor, into, allowance, depth - 1)
        else:
            _copy_file(descriptor, name, into, allowance)
    finally:
        os.close(descriptor)


def _copy_file(source: int, name: str, into: Path, allowance: Allowance) -> None:
    opened = os.fstat(source)  # of the descriptor: the name may have been swapped since
    if not stat.S_ISREG(opened.st_mode) or opened.st_nlink > 1:
        raise ArtefactRefusedError(f"{name} is a link or a special file; only plain files are taken.")
    with into.open("wb") as target:
        while chunk := os.read(source, _CHUNK):
            allowance.take_bytes(len(chunk))
            target.write(chunk)
    into.chmod(0o644)
