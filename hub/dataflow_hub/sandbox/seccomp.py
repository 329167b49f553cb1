"""A system-call filter as BPF: no new namespaces, mounts, keyrings, kernel doors, odd socket families, nor room in advance.

Mount and pid namespaces hide things; this closes what they do not cover. VSOCK, for one, is reachable from a fresh network namespace.
"""

from __future__ import annotations

import errno
import platform
import struct
from dataclasses import dataclass

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_X32 = 0x40000000
_NEW_NAMESPACES = 0x10000000 | 0x00020000 | 0x20000000 | 0x40000000 | 0x04000000 | 0x08000000 | 0x02000000
_FAMILIES = (1, 2, 10, 16)  # unix, IPv4, IPv6 and netlink, which glibc asks for the addresses of interfaces
# io_uring, the new mount calls, and landing in another's file system by handle: one number on every architecture
_ANYWHERE = (425, 426, 427, 428, 429, 430, 431, 432, 433, 442, 467)


@dataclass(frozen=True)
class _Architecture:
    token: int
    clone: int
    clone3: int
    socket: int
    fallocate: int
    denied: tuple[int, ...]


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.replace(",", " ").split())


_ARCHITECTURES = {
    "x86_64": _Architecture(
        token=0xC000003E,
        clone=56,
        clone3=435,
        socket=41,
        fallocate=285,
        # unshare setns mount umount2 pivot_root chroot, keyrings, bpf perf userfaultfd, kexec modules, handles, swap acct quota ports
        denied=_numbers("272 308 165 166 155 161, 248 249 250, 321 298 323, 246 320 175 313 176, 303 304, 167 168 163 179 172 173"),
    ),
    "aarch64": _Architecture(
        token=0xC00000B7,
        clone=220,
        clone3=435,
        socket=198,
        fallocate=47,
        denied=_numbers("97 268 40 39 41 51, 217 218 219, 280 241 282, 104 294 105 273 106, 264 265, 224 225 89 60"),
    ),
}


def program(machine: str = "") -> bytes:
    """Give the filter for this machine, as bubblewrap's `--seccomp` reads it; empty where the architecture is not known."""
    known = _ARCHITECTURES.get(machine or platform.machine())
    if known is None:
        return b""
    steps = [_load(_ARCHITECTURE), *_unless_equal(known.token, errno.EPERM), _load(_NUMBER)]
    if known.token == _ARCHITECTURES["x86_64"].token:
        steps += [_step(_JUMP_AT_LEAST, _X32, 0, 1), _fail(errno.EPERM)]
    for number in (*known.denied, *_ANYWHERE):
        steps += [_step(_JUMP_EQUAL, number, 0, 1), _fail(errno.EPERM)]
    # clone3 hides its flags behind a pointer: glibc falls back to clone when told that it does not exist
    steps += [_step(_JUMP_EQUAL, known.clone3, 0, 1), _fail(errno.ENOSYS)]
    # a whole disk taken within a moment, before anybody can look: who really needs the room writes into it
    steps += [_step(_JUMP_EQUAL, known.fallocate, 0, 1), _fail(errno.EOPNOTSUPP)]
    steps += [_step(_JUMP_EQUAL, known.clone, 0, 4), _load(_FIRST_ARGUMENT)]
    steps += [_step(_JUMP_ANY_BIT, _NEW_NAMESPACES, 0, 1), _fail(errno.EPERM), _allow()]
    steps += [_step(_JUMP_EQUAL, known.socket, 0, len(_FAMILIES) * 2 + 2), _load(_FIRST_ARGUMENT)]
    for family in _FAMILIES:
        steps += [_step(_JUMP_EQUAL, family, 0, 1), _allow()]
    return b"".join([*steps, _fail(errno.EAFNOSUPPORT), _allow()])


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _load(offset: int) -> bytes:
    return _step(_LOAD, offset)


def _allow() -> bytes:
    return _step(_RETURN, _ALLOW)


def _fail(number: int) -> bytes:
    return _step(_RETURN, _FAIL | number)


def _unless_equal(value: int, number: int) -> list[bytes]:
    return [_step(_JUMP_EQUAL, value, 1, 0), _fail(number)]
