"""How much a home holds: measured at each start of a server, told to its owner where it is more than `[sandbox] home_mib`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dataflow_hub.sandbox.disk import folder_bytes
from dataflow_hub.server.texts import Texts, account_language
from dataflow_hub.workspace import write_private

if TYPE_CHECKING:
    from dataflow_hub.settings import Lab

_MOST_FILES = 200_000  # a start does not wait for more


def measure(lab: Lab, user: str) -> str:
    """Measure a home, keep the result, and give what its owner is to be told, in their language; "" when it is within its size."""
    used = folder_bytes(lab.workspace.homes / user, most_files=_MOST_FILES)  # 0 before the first start makes it
    write_private(_kept(lab, user), str(used))
    return notice(lab, user)


def notice(lab: Lab, user: str, language: str = "") -> str:
    """Give what was found when a home was last measured, as `measure` does."""
    try:
        used = int(_kept(lab, user).read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return ""
    allowed = lab.settings.sandbox.home_mib << 20
    language = language or account_language(lab, user)
    return Texts(language)("home_large", used=_gigabytes(used), allowed=_gigabytes(allowed)) if used > allowed else ""


def _gigabytes(number: int) -> str:
    return f"{number / 2**30:.1f}"


def _kept(lab: Lab, user: str) -> Path:
    return lab.workspace.run / "home-sizes" / user
