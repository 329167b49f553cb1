"""A box in a Docker container: what it may use and may not do, in the engine's words."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, Any

from dataflow_hub.containers.attached import Attached, attach
from dataflow_hub.containers.built import PYTHON
from dataflow_hub.sandbox import seccomp
from dataflow_hub.sandbox.box import HOST, SHM_MIB, Box, Limits, account_files, temporary_mib
from dataflow_hub.sandbox.ownership import hand_over, is_root, own_uid
from dataflow_kernels.environ import variable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from dataflow_hub.sandbox.box import Mount

_LOG_MIB = 5
FILTER = "/run/lab/filter"
JAVA_HOME = variable("java_home")
# What an image knows better than whoever starts it: where its own Java and jars are.
OF_THE_IMAGE = frozenset(variable(name) for name in ("java_home", "jars_dir", "cds_archive", "kafka_jars_dir"))


def host_config(limits: Limits) -> dict[str, Any]:
    """Give the host configuration: no network, no capability, no way to gain one, nothing writable but mounts and memory.

    Docker's own seccomp profile stays in force.
    """
    memory = limits.memory_mib << 20
    temporary = temporary_mib(limits.memory_mib) << 20
    return {
        "network_mode": "none",
        "auto_remove": False,  # what a server that died had to say stays, until its next start
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "read_only": True,
        # JVMs load native code out of /tmp, so it is not noexec
        "tmpfs": {"/tmp": f"rw,exec,nosuid,nodev,mode=1777,size={temporary}"},  # noqa: S108 - the container's own
        "shm_size": SHM_MIB << 20,
        "mem_limit": memory,
        "memswap_limit": memory,
        "cpu_period": 100_000,
        "cpu_quota": int(limits.cpu_cores * 100_000),
        "pids_limit": limits.processes,
        "ulimits": [
            {"Name": "nofile", "Soft": limits.open_files, "Hard": limits.open_files},
            {"Name": "fsize", "Soft": limits.file_mib << 20, "Hard": limits.file_mib << 20},
            {"Name": "core", "Soft": 0, "Hard": 0},
        ],
        "log_config": {"Type": "json-file", "Config": {"max-size": f"{_LOG_MIB}m", "max-file": "2"}},
    }


def binds(read_only: Iterable[Mount], writable: Iterable[Mount]) -> dict[str, dict[str, str]]:
    """Give mounts as the engine takes them."""
    modes = {"ro": read_only, "rw": writable}
    return {str(source): {"bind": target, "mode": mode} for mode, mounts in modes.items() for source, target in mounts}


def identity_files(folder: Path, user: str, uid: int, home: str) -> list[tuple[Path, str]]:
    """Write what a container is told of its user, and its system-call filter; give where each is to be mounted.

    Of each container its own: a file that another start writes anew is read half-written.
    """
    contents = {f"/etc/{name}": text.encode() for name, text in account_files(user, uid, home).items()}
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for target, content in (*contents.items(), (FILTER, seccomp.program())):
        path = folder / target.rpartition("/")[2]
        path.write_bytes(content)
        path.chmod(0o644)
        files.append((path, target))
    return files


def start(  # noqa: PLR0913 - the facts of one container
    client: Any, box: Box, argv: Sequence[str], *, image: str, labels: Mapping[str, str], folder: Path, stderr: IO[bytes] | None = None
) -> Attached:
    """Start `argv` in a container of `image` that sees what `box` does and nothing of this machine's programs.

    Parameters
    ----------
    client
        The engine, closed with the container.
    folder
        Where its small files are written; no other container's meanwhile.

    Raises
    ------
    SandboxError
        The container cannot be made.
    """
    uid = own_uid(box) if is_root() else os.geteuid()
    hand_over(box)
    files = identity_files(folder, box.user_name, uid, box.home_directory)
    own = {"HOME": box.home_directory, "USER": box.user_name, "LOGNAME": box.user_name, "TMPDIR": "/tmp"}  # noqa: S108 - its own
    return attach(
        client,
        box.name,
        image,
        [PYTHON, "-m", "dataflow_kernels.restrict", FILTER, *argv],
        stderr,
        user=f"{uid}:{uid}",
        hostname=HOST,
        working_dir=box.working_directory,
        labels=dict(labels),
        environment=own | dict(box.environment),
        host_config=client.create_host_config(**host_config(box.limits), binds=binds((*box.read_only, *files), box.writable)),
    )
