"""The lab as a whole: start it, stop it, look at it."""

from __future__ import annotations

import compileall
import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dataflow_hub.errors import LabError, MissingError
from dataflow_hub.services import compose, embedded, object_store
from dataflow_hub.services.catalogue import CATALOGUE, DEFAULT_GROUPS, find, implied, in_order, select
from dataflow_hub.services.model import Backend, Service, ServiceStatus
from dataflow_hub.services.supervisor_conf import log_path
from dataflow_hub.settings import Lab, remember_backend
from dataflow_hub.workspace import write_private

Report = Callable[[str], None]

_NEEDED_MIB = 1024
_POLL_SECONDS = 0.3


def up(lab: Lab, report: Report, groups: Sequence[str] = ()) -> None:
    """Start the services of `groups` (groups or single services), installing first what is not there yet.

    Idempotent: what is installed is checked, what is healthy stays. Two at once: the second waits for the first.

    Raises
    ------
    LabError
        A port is taken, the disk is full, something is missing: it says what, why and what to do.
    """
    _selected(lab, groups)  # a typing error is told before anything is installed
    began = time.monotonic()
    with _readable_disk_errors(lab):
        install(lab, report, groups)
        start_services(lab, report, groups)
    report(f"The lab is up ({time.monotonic() - began:.1f} s)")


def _selected(lab: Lab, groups: Sequence[str]) -> tuple[Service, ...]:
    backend = lab.settings.services.backend
    return select((*(groups or DEFAULT_GROUPS[backend]), *implied(lab)), backend)


def _backend(lab: Lab) -> Backend:
    return compose if lab.settings.services.backend == "docker" else embedded


def install(lab: Lab, report: Report, groups: Sequence[str] = ()) -> None:
    """Install what the kernels and the services of `groups` need and is not there yet; start nothing.

    Raises
    ------
    LabError
        The disk is full, or something is missing: it says what, why and what to do.
    """
    lab.workspace.prepare()
    _require_room(lab)
    with exclusive(lab, report):
        _stage(report, "Python bytecode", lambda: _compile_bytecode(lab))
        with _readable_install_errors():
            _install_kernels(lab, report)
            for service in _selected(lab, groups):
                service.install(lab, report)


def start_services(lab: Lab, report: Report, groups: Sequence[str]) -> None:
    """Start the services of `groups` alone, with nothing installed for kernels."""
    with exclusive(lab, report):
        remember_backend(lab.workspace, lab.settings.services.backend)  # first: what was started half can be looked at and stopped
        _backend(lab).start(lab, _selected(lab, groups), report)


def down(lab: Lab, report: Report) -> None:
    """Stop every process of the lab, students' servers too; what is stored stays. Idempotent."""
    lab.workspace.prepare()
    with exclusive(lab, report):
        left = embedded.stop(lab, report)
        if (lab.workspace.run / "gate").is_dir():  # students' servers are containers, or were at one time
            left += _remove_containers(lab, report)
        object_store.clear_sockets(lab)
        remember_backend(lab.workspace)
    report("The lab is down" + (f" ({left} leftover processes ended)" if left else ""))


def _remove_containers(lab: Lab, report: Report) -> int:
    try:
        return compose.stop(lab, report)
    except MissingError:
        if lab.settings.sandbox.kind == "docker":
            raise
        return 0  # no engine, and none wanted: what it ran ended with it


def restart(lab: Lab, name: str, report: Report = lambda _line: None) -> None:
    """Restart the service called `name` with its settings read anew."""
    service = find(name)
    with exclusive(lab, report):
        _backend(lab).restart(lab, service, report)


def status(lab: Lab) -> list[ServiceStatus]:
    """Give how every service is that `up all` would start here, or that runs."""
    usual = {service.name for service in _selected(lab, ("all",))}
    return [row for row in _backend(lab).status(lab, in_order(CATALOGUE)) if row.name in usual or row.pid]


def logs(lab: Lab, name: str, *, lines: int = 100, follow: bool = False) -> Iterator[str]:
    """Give the last `lines` lines of a service's log and, when `follow` is set, each line that comes, for ever."""
    if lab.settings.services.backend == "docker":
        return compose.logs(lab, find(name).name, lines=lines, follow=follow)
    return _logs_of_file(log_path(lab, "supervisor" if name == "supervisor" else find(name).name), name, lines=lines, follow=follow)


def _logs_of_file(path: Path, name: str, *, lines: int, follow: bool) -> Iterator[str]:
    if not path.exists():
        raise MissingError(f"{name} has no log yet.", why="It was never started here.", fix="./lab up")
    with path.open(encoding="utf-8", errors="replace") as file:
        yield from (line.rstrip("\n") for line in file.readlines()[-lines:])
        position, identity = file.tell(), path.stat().st_ino
    while follow:
        time.sleep(_POLL_SECONDS)
        position, identity, more = _read_on(path, position, identity)
        yield from more


def _read_on(path: Path, position: int, identity: int) -> tuple[int, int, list[str]]:
    """Read what was appended since `position`; a rotated log starts again from its top."""
    with contextlib.suppress(FileNotFoundError), path.open(encoding="utf-8", errors="replace") as file:
        found = os.fstat(file.fileno())
        if found.st_ino == identity and found.st_size >= position:
            file.seek(position)
        lines = [line.rstrip("\n") for line in file]
        return file.tell(), found.st_ino, lines
    return position, identity, []


@contextmanager
def exclusive(lab: Lab, report: Report) -> Iterator[None]:
    """Hold the lab's own lock: one `up`, `down` or `restart` at a time. The system lets go of it when its holder dies."""
    with (lab.workspace.run / "lab.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("Another ./lab up, down or restart is at work: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _stage(report: Report, title: str, work: Callable[[], bool]) -> None:
    """Do one stage; it is worth a line only when there was something to do."""
    began = time.monotonic()
    if work():
        report(f"{title} ({time.monotonic() - began:.1f} s)")


def _compile_bytecode(lab: Lab) -> bool:
    """Compile what is installed, once for each lock file: the hub then starts in a third of the time."""
    lock = lab.workspace.root / "requirements.lock"
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest() if lock.exists() else "none"
    stamp = Path(sys.prefix) / ".bytecode"
    if stamp.exists() and stamp.read_text(encoding="utf-8").strip() == digest:
        return False
    compileall.compile_dir(sysconfig.get_path("purelib"), quiet=2, workers=0)
    write_private(stamp, digest)
    return True


def _install_kernels(lab: Lab, report: Report) -> None:
    """Find Java, install the verified jars, build the class-data archive, render the kernelspecs."""
    from dataflow_kernels.install import LOCK, archive_path, build_archive, find_java, install_jars, install_kernelspecs, is_complete

    jars = lab.workspace.jars
    java = find_java()
    if not is_complete(LOCK, jars):
        began = time.monotonic()
        report("Fetching the jars of kernels/jars.lock")
        install_jars(LOCK, jars, report, java=java)
        report(f"Jars ({time.monotonic() - began:.1f} s)")
    if not archive_path(java, jars).is_file():
        began = time.monotonic()
        build_archive(java, jars, report)
        report(f"Class-data archive ({time.monotonic() - began:.1f} s)")
    install_kernelspecs(lab.workspace.cache / "kernels")


@contextmanager
def _readable_install_errors() -> Iterator[None]:
    """Give the student's side's errors their family here: it knows nothing of ours."""
    from dataflow_kernels.errors import KernelError

    try:
        yield
    except KernelError as error:
        raise MissingError(error.what, why=error.why, fix=error.fix) from error


def _require_room(lab: Lab) -> None:
    free_mib = shutil.disk_usage(lab.workspace.state).free // 2**20
    if free_mib < _NEEDED_MIB:
        raise MissingError(
            f"The disk of {lab.workspace.state} is nearly full.",
            why=f"{free_mib} MiB are free; the lab needs {_NEEDED_MIB} MiB to start.",
            fix="Free some room, or set DATAFLOW_STATE to a folder on another disk.",
        )


@contextmanager
def _readable_disk_errors(lab: Lab) -> Iterator[None]:
    """Turn "no space", "read-only" and "not permitted" from anywhere below into something a person can act on."""
    try:
        yield
    except LabError:
        raise
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}:
            raise
        raise MissingError(
            f"The lab cannot write {error.filename or lab.workspace.state}.",
            why=str(error.strerror),
            fix="Free some room, give yourself the folder, or set DATAFLOW_STATE to another one.",
        ) from error
