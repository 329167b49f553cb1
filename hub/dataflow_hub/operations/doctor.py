"""The doctor: looks for what is missing, broken or stale, and says how to mend it. Changes nothing."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from dataflow_hub.containers import built
from dataflow_hub.containers.engine import Engine
from dataflow_hub.errors import LabError
from dataflow_hub.operations.lab import status
from dataflow_hub.services import embedded
from dataflow_hub.services.catalogue import CATALOGUE
from dataflow_hub.services.object_store import binary as store_binary
from dataflow_hub.services.ports import holder, is_free
from dataflow_hub.settings import Lab

_FREE_MIB = 4096
_MEMORY_MIB = 4096
_YEAR_OF_WRITING = 2026
_CLOCK_SECONDS = 60


@dataclass(frozen=True)
class Finding:
    """One thing looked at: fine or not, what was seen, and what to do."""

    name: str
    ok: bool
    what: str
    fix: str = ""


def doctor(lab: Lab) -> list[Finding]:
    """Examine the machine and the state folder; one finding for each thing looked at."""
    lab.workspace.prepare()
    looks: tuple[tuple[str, Callable[[Lab], Finding]], ...] = (
        ("python", _python),
        ("java", _java),
        ("jars", _jars),
        ("sandbox", _sandbox),
        ("containers", _containers),
        ("object store program", _store),
        ("ports", _ports),
        ("disk", _disk),
        ("memory", _memory),
        ("clock", _clock),
        ("file permissions", _permissions),
        ("stale state", _stale),
        ("services", _services),
    )
    return [_looked_at(name, look, lab) for name, look in looks]


def _looked_at(name: str, look: Callable[[Lab], Finding], lab: Lab) -> Finding:
    """Turn an error a person can act on into a finding: one broken thing must not hide the others."""
    try:
        return look(lab)
    except LabError as error:
        return Finding(name, ok=False, what=" ".join(filter(None, (error.what, error.why))), fix=error.fix)


def _python(_lab: Lab) -> Finding:
    version = sys.version.split()[0]
    return Finding("python", ok=sys.version_info >= (3, 11), what=f"Python {version}", fix="Use Python 3.11 or newer.")


def _java(_lab: Lab) -> Finding:
    from dataflow_kernels.errors import InstallFailed
    from dataflow_kernels.install import find_java

    try:
        java = find_java()
    except InstallFailed as error:
        return Finding("java", ok=False, what=str(error), fix="Run ./lab up with a package index in reach, or install a JDK 17.")
    return Finding("java", ok=True, what=f"{java.version} in {java.home}")


def _jars(lab: Lab) -> Finding:
    from dataflow_kernels.install import LOCK
    from dataflow_kernels.jars import read_lock

    broken = [jar.file for jar in read_lock(LOCK) if _digest(lab.workspace.jars / jar.file) != jar.sha256]
    if broken:
        what = f"{len(broken)} missing or altered, such as {broken[0]}"
        return Finding("jars", ok=False, what=what, fix="Delete the folder of jars and run ./lab up: it fetches them again.")
    return Finding("jars", ok=True, what="every sha256 is that of kernels/jars.lock")


def _digest(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sandbox(lab: Lab) -> Finding:
    from dataflow_hub.sandbox.availability import available

    available(lab.workspace)
    return Finding("sandbox", ok=True, what="a sandbox was made: it hides the state folder and other processes")


def _containers(lab: Lab) -> Finding:
    """Where students' servers are containers: an engine answers, and has the image."""
    if lab.settings.sandbox.kind != "docker":
        return Finding("containers", ok=True, what="students' servers are sandboxes: no Docker is needed")
    names = ("lessons", "hub") if lab.settings.services.backend == "docker" else ("lessons",)
    tags = [built.image(lab.workspace, name) for name in names]
    with contextlib.closing(Engine()) as engine:
        missing = [tag for tag in tags if not engine.has(tag)]
        what = f"Docker {engine.version}, " + (f"without {', '.join(missing)}" if missing else ", ".join(tags))
        return Finding("containers", ok=not missing, what=what, fix="./lab images build")


def _store(_lab: Lab) -> Finding:
    path = store_binary()
    return Finding("object store program", ok=os.access(path, os.X_OK), what=str(path), fix="Run ./lab up again.")


def _ports(lab: Lab) -> Finding:
    running = {row.name for row in status(lab) if row.pid}
    wanted = {port: setting for service in CATALOGUE if service.name not in running for port, setting in service.port_numbers(lab).items()}
    taken = {port: setting for port, setting in wanted.items() if not is_free(_host(lab, setting), port)}
    if not taken:
        return Finding("ports", ok=True, what="every port is free or our own")
    names = ", ".join(f"{port} (ports.{setting}, by {holder(port) or 'another user'})" for port, setting in taken.items())
    fix = f"Stop that program, or move ours in {lab.workspace.state / 'dataflow.toml'}."
    return Finding("ports", ok=False, what=f"taken: {names}", fix=fix)


def _host(lab: Lab, setting: str) -> str:
    return lab.settings.hub.bind if setting == "hub" else "127.0.0.1"


def _disk(lab: Lab) -> Finding:
    free_mib = shutil.disk_usage(lab.workspace.state).free // 2**20
    return Finding("disk", ok=free_mib >= _FREE_MIB, what=f"{free_mib} MiB free", fix="Free some room: students' work needs it.")


def _memory(lab: Lab) -> Finding:
    available_mib = psutil.virtual_memory().available // 2**20
    servers = max(0, available_mib // lab.settings.sandbox.memory_mib)
    what = f"{available_mib} MiB available: room for {servers} students' servers at their limit"
    return Finding("memory", ok=available_mib >= _MEMORY_MIB or servers > 0, what=what, fix="Lower sandbox.memory_mib, or add memory.")


def _clock(lab: Lab) -> Finding:
    """Deadlines are told by this machine's clock: it must not be behind what was already written."""
    newest = max((path.stat().st_mtime for path in lab.workspace.logs.glob("*.log")), default=0.0)
    now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    behind = newest - time.time()
    is_behind = behind > _CLOCK_SECONDS
    what = f"{now} UTC" + (f", {behind:.0f} s behind our own logs" if is_behind else "")
    fine = not is_behind and time.gmtime().tm_year >= _YEAR_OF_WRITING
    return Finding("clock", ok=fine, what=what, fix="Set the clock, and let NTP keep it: it decides what is late.")


def _permissions(lab: Lab) -> Finding:
    folders = lab.workspace
    private = (folders.secrets, folders.run, folders.logs, folders.data, folders.grading, folders.exchange)
    candidates = [*private, *folders.secrets.iterdir(), folders.run / "supervisord.conf"]
    loose = [path for path in candidates if path.exists() and _is_open(path)]
    if not loose:
        return Finding("file permissions", ok=True, what="secrets and private folders are closed to others")
    names = " ".join(str(path) for path in loose)
    fix = f"chmod go= {names}, then rotate what was readable."
    return Finding("file permissions", ok=False, what=f"open to other users: {names}", fix=fix)


def _is_open(path: Path) -> bool:
    found = path.stat()
    return bool(stat.S_IMODE(found.st_mode) & 0o077) or found.st_uid != os.geteuid()


def _stale(lab: Lab) -> Finding:
    pid_file = lab.workspace.run / "supervisor.pid"
    if not pid_file.exists() or embedded.supervisor_pid(lab):
        return Finding("stale state", ok=True, what="none")
    return Finding("stale state", ok=True, what="a supervisor ended without cleaning up; the next ./lab up does that")


def _services(lab: Lab) -> Finding:
    rows = status(lab)
    ill = [row.name for row in rows if row.pid and not row.healthy]
    if ill:
        what = f"running, but not healthy: {', '.join(ill)}"
        return Finding("services", ok=False, what=what, fix=f"./lab logs {ill[0]}, ./lab restart {ill[0]}")
    return Finding("services", ok=True, what=f"{sum(1 for row in rows if row.healthy)} of {len(rows)} running, all of those healthy")
