"""Jupyter Server's configuration for a formgrader: it shows and marks; it opens no kernel, no terminal and writes no file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado import web

if TYPE_CHECKING:
    from traitlets.config import Config

_OFF = (
    "jupyter_lsp",
    "jupyter_server_terminals",
    "jupyterlab",
    "jupytext",
    "nbgrader.server_extensions.assignment_list",
    "nbgrader.server_extensions.course_list",
    "nbgrader.server_extensions.validate_assignment",
    "notebook",
    "notebook_shim",
)


class NoKernels(AsyncMappingKernelManager):  # type: ignore[misc]
    """Starts none: this process is the lab's own, and whoever may mark is not to run code as the lab."""

    async def start_kernel(self, **_: Any) -> NoReturn:
        """Refuse."""
        raise web.HTTPError(403, "The formgrader runs no code. Open a submission in your own server instead.")


class ReadOnlyContents(AsyncLargeFileManager):  # type: ignore[misc]
    """Shows files and changes none: the course folder holds configuration that the lab runs."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise web.HTTPError(403, "The formgrader's files are read-only.")

    save = delete_file = rename_file = copy = new = new_untitled = _refuse


def configure(c: Config) -> None:
    """Set it."""
    c.ServerApp.jpserver_extensions = {"nbgrader.server_extensions.formgrader": True, **dict.fromkeys(_OFF, False)}
    c.ServerApp.kernel_manager_class = NoKernels
    c.ServerApp.contents_manager_class = ReadOnlyContents
    c.ServerApp.terminals_enabled = False
    c.ServerApp.default_url = "/formgrader"
    c.ServerApp.open_browser = False
    c.ServerApp.allow_root = True
    c.HubOAuth.cache_max_age = 20  # who is no longer a grader is out within that time
    c.FormgradeExtension.load_cwd_config = True


def _config() -> Any:
    return globals().get("get_config", lambda: None)()


if _config() is not None:
    configure(_config())
