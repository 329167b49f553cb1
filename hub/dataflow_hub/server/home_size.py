"""How much a home holds: measured at each start of a server, and told to its owner where it is more than `[sandbox] home_mib`.

`home_guard` stops the server of a home that grows beyond what the machine can bear; that too is told here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from dataflow_hub.sandbox.disk import Size, folder_size
from dataflow_hub.server.texts import Texts, account_language
from dataflow_hub.workspace import write_private

if TYPE_CHECKING:
    from dataflow_hub.settings import Lab

MOST_FILES = 200_000  # a file system has only so many places for files, however small
_COUNTED_FILES = 2 * MOST_FILES  # neither a start nor the guard waits for more


def measure(lab: Lab, user: str) -> str:
    """Measure a home, keep the result, and give what its owner is to be told, in their language; "" when it is within its size."""
    keep(lab, user, count(lab, user))
    return notice(lab, user)


def count(lab: Lab, user: str) -> Size:
    """Count what a home holds; nothing before the first start makes it."""
    return folder_size(lab.workspace.homes / user, most_files=_COUNTED_FILES)


def is_beyond_counting(size: Size) -> bool:
    """Tell whether there is more than was counted."""
    return size.files > _COUNTED_FILES


def keep(lab: Lab, user: str, size: Size, *, stopped: bool = False) -> None:
    """Keep what was found; `stopped` when the server is stopped for it."""
    write_private(_kept(lab, user), json.dumps({"bytes": size.bytes, "files": size.files, "stopped": stopped}))


def kept(lab: Lab, user: str) -> Size:
    """Give what a home held when it was last measured."""
    return _read(lab, user)[0]


def was_stopped(lab: Lab, user: str) -> bool:
    """Tell whether the server was stopped for what its home held, and has not been started since."""
    return _read(lab, user)[1]


def notice(lab: Lab, user: str, language: str = "") -> str:
    """Give what is to be told of a home as it was last measured, as `measure` does."""
    size, stopped = _read(lab, user)
    if not (stopped or is_large(lab, size)):
        return ""
    language = language or account_language(lab, user)
    key = "home_stopped_large" if stopped else "home_large"
    numbers = (_gigabytes(size.bytes, language), _gigabytes(lab.settings.sandbox.home_mib << 20, language))
    return Texts(language)(key, used=numbers[0], allowed=numbers[1], files=size.files)


def is_large(lab: Lab, size: Size) -> bool:
    """Tell whether this is more than a home should hold."""
    return size.bytes > lab.settings.sandbox.home_mib << 20 or size.files > MOST_FILES


def _read(lab: Lab, user: str) -> tuple[Size, bool]:
    try:
        found = json.loads(_kept(lab, user).read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return Size(), False
    if not isinstance(found, dict):  # a number alone is what an earlier version kept
        return Size(), False
    return Size(found.get("bytes", 0), found.get("files", 0)), bool(found.get("stopped"))


def _gigabytes(number: int, language: str) -> str:
    text = f"{number / 2**30:.1f}"
    return text.replace(".", ",") if language == "pt-BR" else text


def _kept(lab: Lab, user: str) -> Path:
    return lab.workspace.run / "home-sizes" / user
