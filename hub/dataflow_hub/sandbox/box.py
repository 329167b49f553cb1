"""What a sandbox is to hold: its mounts, its limits, its environment."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dataflow_hub.settings import Sandbox
    from dataflow_hub.workspace import Workspace

Mount = tuple[Path, str]
HOST = "dataflow"  # what each sandbox and each container calls its machine
SHM_MIB = 128

_SYSTEM = (Path("/usr"),)


@dataclass(frozen=True)
class Limits:
    """What one sandbox may use. `memory_mib` is the whole tree's where control groups can be written, each process's otherwise."""

    memory_mib: int
    cpu_cores: float
    processes: int
    open_files: int
    file_mib: int = 4096


def server_limits(settings: Sandbox) -> Limits:
    """Give what one student's server may use."""
    return Limits(settings.memory_mib, settings.cpu_cores, settings.processes, settings.open_files)


@dataclass(frozen=True)
class Box:
    """One sandbox: what it sees and what it may use.

    `read_only` and `writable` are pairs of a host path and the path it has inside. `uid` counts only when started as root:
    the unprivileged user the command runs as. Nothing else of the host is seen but the system's own programs.
    """

    name: str
    environment: Mapping[str, str] = field(repr=False)
    limits: Limits
    read_only: tuple[Mount, ...] = ()
    writable: tuple[Mount, ...] = ()
    network: bool = False
    uid: int | None = None
    working_directory: str = "/work"
    user_name: str = "student"
    home: str = ""

    @property
    def home_directory(self) -> str:
        """The HOME inside: `home`, or the working directory."""
        return self.home or self.working_directory


def temporary_mib(memory_mib: int) -> int:
    """Give how much of its memory a sandbox may fill with files in /tmp."""
    return max(256, memory_mib // 2)


def account_files(user: str, uid: int, home: str) -> dict[str, str]:
    """Give the files of /etc that tell a program who and where it is: `passwd`, `group` and `hosts`."""
    return {
        "passwd": f"root:x:0:0:root:/root:/usr/sbin/nologin\n{user}:x:{uid}:{uid}:{user}:{home}:/bin/bash\n",
        "group": f"root:x:0:\n{user}:x:{uid}:\n",
        "hosts": f"127.0.0.1 localhost {HOST}\n::1 localhost\n",
    }


def runtime_mounts(workspace: Workspace, java_home: Path | str | None = None) -> tuple[Mount, ...]:
    """Give the mounts a kernel needs, each at its own host path: interpreter, packages, JDK, jars, the student's side of the checkout."""
    base = Path(sys.base_prefix)
    folders = [Path(sys.prefix), base, base.resolve(), Path(sys.executable).resolve().parent.parent, workspace.kernels]
    folders += [workspace.jars, workspace.kafka_jars, workspace.cache / "kernels", workspace.cache / "jvm"]
    if java_home:
        folders += [Path(java_home), Path(java_home).resolve()]
    wanted = dict.fromkeys(folder for folder in folders if folder.exists() and not _is_system(folder))
    return tuple((folder, str(folder)) for folder in wanted)


def _is_system(folder: Path) -> bool:
    return any(folder == system or system in folder.parents for system in _SYSTEM)
