"""Jupyter Server's configuration inside a student's sandbox, mounted there read-only; it sees nothing of the hub's side."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

if TYPE_CHECKING:
    from traitlets.config import Config


class BusyKernelManager(AsyncMappingKernelManager):  # type: ignore[misc]
    """Counts a running cell as activity: one that prints nothing for an hour would else look idle, and be culled."""

    _last_activity = datetime.now(tz=UTC)

    @property
    def last_kernel_activity(self) -> datetime:
        """Give now while any kernel is busy."""
        if any(getattr(kernel, "execution_state", "") == "busy" for kernel in self._kernels.values()):
            return datetime.now(tz=UTC)
        return self._last_activity

    @last_kernel_activity.setter
    def last_kernel_activity(self, value: datetime) -> None:
        self._last_activity = value


def configure(c: Config) -> None:
    """Set kernels to talk over sockets in the sandbox's own /tmp: loopback ports would be everybody's."""
    c.ConnectionFileMixin.transport = "ipc"
    c.KernelManager.transport = "ipc"
    c.AsyncKernelManager.transport = "ipc"
    c.ServerApp.kernel_manager_class = BusyKernelManager
    # Here and not in a .d folder: the environment's own would win over that. It would show a lesson's .py files as notebooks.
    c.ServerApp.jpserver_extensions = {"jupytext": False}
    c.ServerApp.terminado_settings = {"shell_command": ["/bin/bash"]}
    c.FileContentsManager.delete_to_trash = False
    c.ContentsManager.allow_hidden = False
    c.LabApp.collaborative = False
    c.LabApp.extension_manager = "readonly"


def _config() -> Any:
    return globals().get("get_config", lambda: None)()


if _config() is not None:
    configure(_config())
