"""A system-call filter put over a program from inside a container, on top of the engine's own."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from pathlib import Path

_NO_NEW_PRIVILEGES, _SECCOMP, _SECCOMP_FILTER = 38, 22, 2  # prctl's own numbers
_FILTER_STEP_BYTES = 8


def restrict(program: bytes) -> None:
    """Put a filter, in BPF, over this process and all that it starts. An empty one is none: the machine's kind is not known to it.

    Raises
    ------
    OSError
        The kernel refused it.
    """
    if not program:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong)
    filters = ctypes.create_string_buffer(program, len(program))
    length_and_place = struct.pack("HP", len(program) // _FILTER_STEP_BYTES, ctypes.addressof(filters))
    for arguments in ((_NO_NEW_PRIVILEGES, 1, 0, 0, 0), (_SECCOMP, _SECCOMP_FILTER, length_and_place, 0, 0)):
        if libc.prctl(*arguments):
            raise OSError(ctypes.get_errno(), "the system-call filter was refused")


def main() -> None:
    """Become a command under the filter: `python -m dataflow_kernels.restrict FILE COMMAND…`."""
    file, *command = sys.argv[1:]
    restrict(Path(file).read_bytes())
    os.execvp(command[0], command)  # noqa: S606 - a shell would only be in the way


if __name__ == "__main__":
    main()
