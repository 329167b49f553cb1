"""Whether a sandbox can be made here at all, told by making one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataflow_hub.errors import SandboxError
from dataflow_hub.sandbox.box import Box, Limits
from dataflow_hub.sandbox.process import run

if TYPE_CHECKING:
    from dataflow_hub.workspace import Workspace

_LIMITS = Limits(memory_mib=256, cpu_cores=1.0, processes=64, open_files=256)
_PROBE = 'test "$(id -u)" -ne 0 && test ! -e "$1" && test ! -e /root/. && test "$(ls -d /proc/[0-9]* | wc -l)" -lt 12'
_UID = 61_999  # of its own: processes are counted by uid where there are no control groups


def available(workspace: Workspace) -> None:
    """Prove that a sandbox can be made, that it hides the state folder and other processes, and that it is not root.

    Raises
    ------
    SandboxError
        It cannot, or it does not.
    """
    box = Box(name="self-test", environment={}, limits=_LIMITS, uid=_UID, working_directory="/tmp")  # noqa: S108 - the sandbox's own
    finished = run(box, ["/bin/sh", "-c", _PROBE, "probe", str(workspace.state)], timeout_seconds=20)
    if finished.exit_code:
        raise SandboxError(
            "The sandbox on this machine does not isolate.",
            why=finished.stderr.decode(errors="replace").strip() or f"The self-test ended with {finished.exit_code}.",
            fix="Run ./lab doctor, and start the lab as another user or on another machine.",
        )
