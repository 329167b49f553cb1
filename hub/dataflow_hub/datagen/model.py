"""What every generator gives: files as they land, and the truth about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Size = Literal["S", "M", "L"]


@dataclass(frozen=True)
class Generated:
    """Landing files by name, in landing order, and the generator's own truth ledger about them."""

    batches: dict[str, bytes]
    ledger: Any
