"""Generated secrets: made on first use, kept 0600 under the state folder, never printed or logged."""

from __future__ import annotations

import re
import secrets as entropy
from typing import TYPE_CHECKING

from dataflow_hub.workspace import Workspace, write_private

if TYPE_CHECKING:
    from pathlib import Path

    from dataflow_hub.settings import Lab

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


def secret(workspace: Workspace, name: str, *, n_bytes: int = 32) -> str:
    """Give the secret called `name` (hex text of `n_bytes`), making it on first use."""
    path = secret_path(workspace, name)
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        write_private(path, entropy.token_hex(n_bytes) + "\n")
        return path.read_text(encoding="utf-8").strip()


def lab_id(lab: Lab) -> str:
    """Give the random id that marks every process and container of a lab; it opens nothing."""
    return secret(lab.workspace, "lab-id", n_bytes=8)


def rotate(workspace: Workspace, name: str, *, n_bytes: int = 32) -> str:
    """Replace the secret called `name` with a fresh one and give it."""
    write_private(secret_path(workspace, name), entropy.token_hex(n_bytes) + "\n")
    return secret(workspace, name)


def forget(workspace: Workspace, name: str) -> None:
    """Delete the secret called `name`, if it is there."""
    secret_path(workspace, name).unlink(missing_ok=True)


def secret_path(workspace: Workspace, name: str) -> Path:
    """Give the file that holds the secret called `name`."""
    if not _NAME.fullmatch(name):
        message = f"secret names are lower-case words, not {name!r}"
        raise ValueError(message)
    return workspace.secrets / name
