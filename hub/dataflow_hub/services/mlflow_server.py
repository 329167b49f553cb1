"""MLflow's own `server` command, but the web server takes the command's place instead of running below it.

A killed parent would leave its child behind on the port, and the idle parent costs 270 MB.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NoReturn

import mlflow.server
from mlflow.cli import cli


def become(argv: list[str], *, extra_env: Mapping[str, str] | None = None, **_options: Any) -> NoReturn:
    """Replace this process by `argv`, with `extra_env` added to the environment."""
    for name, value in (extra_env or {}).items():
        os.putenv(name, value)
    os.execv(argv[0], argv)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    mlflow.server._exec_cmd = become  # noqa: SLF001 - the version is locked, and a test counts the processes
    cli()
