"""Receipts: what a student holds in hand to show that a submission was kept, and when."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMESTAMP_FORMAT = "%Y-%m-%d %H:%M:%S.%f UTC"  # nbgrader's own, always in UTC here


@dataclass(frozen=True)
class Receipt:
    """One kept submission: who, what (content hash), when by the server's clock, late or not, signed by the exchange."""

    id: str
    submission_id: str  # chosen by the client, so that a retry finds its first attempt
    course: str
    lesson: str
    user: str
    time: datetime
    due: datetime | None
    late: bool
    sha256: str
    size_bytes: int
    files: dict[str, str]  # name -> sha256
    signature: str = ""

    @property
    def timestamp(self) -> str:
        """The time as nbgrader's `timestamp.txt` writes it."""
        return self.time.strftime(TIMESTAMP_FORMAT)

    def to_json(self) -> dict[str, Any]:
        """Give the receipt as JSON values."""
        values = asdict(self)
        values["time"] = self.time.isoformat()
        values["due"] = self.due.isoformat() if self.due else None
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Receipt:
        """Read what `to_json` gave.

        Raises
        ------
        KeyError, TypeError, ValueError
            It is not a receipt.
        """
        known = dict(values)
        known["time"] = datetime.fromisoformat(known["time"])
        known["due"] = datetime.fromisoformat(known["due"]) if known["due"] else None
        return cls(**known)

    def signed(self, key: bytes) -> Receipt:
        """Give the same receipt with the exchange's signature over everything in it."""
        return replace(self, signature=self._mac(key))

    def verify(self, key: bytes) -> bool:
        """Tell whether the exchange that holds `key` wrote this receipt, every field of it."""
        return hmac.compare_digest(self.signature, self._mac(key))

    def _mac(self, key: bytes) -> str:
        values = self.to_json()
        del values["signature"]
        text = json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hmac.new(key, text.encode("utf-8"), hashlib.sha256).hexdigest()


def file_hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    """Give the sha256 of each file, by name in order."""
    return {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}


def content_hash(hashes: Mapping[str, str]) -> str:
    """Give one sha256 over the canonical file list: a line `sha256  name` per file, sorted by name, as sha256sum writes."""
    text = "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def receipt_id(course: str, lesson: str, user: str, submission_id: str) -> str:
    """Give the id of the receipt that this submission has or will have.

    Derived, not drawn: a retry finds its folder by name, and two attempts at once cannot both be kept.
    """
    text = f"{course}\0{lesson}\0{user}\0{submission_id}"
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:24]
