"""A student's own part of a Kafka cluster: a prefix that is nobody else's, not even in part."""

from __future__ import annotations

import hashlib
import re

_PLAIN = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
_LONGEST = 64


def namespace(user: str) -> str:
    """Give the namespace of `user`; what belongs to it begins with it and a dot.

    No namespace holds a dot or an underscore, so the first of these in a name ends it, and `ana.` reaches neither `ana.b`
    (whose namespace is `ana--b`) nor `ana2`. Kafka takes dot and underscore for the same where it names its metrics.
    """
    if _PLAIN.fullmatch(user) and len(user) <= _LONGEST:
        return user.replace(".", "--")  # no account's name has two dashes in a row
    readable = re.sub(r"[^a-z0-9]+", "-", user.lower()).strip("-")[:30]
    return f"{readable or 'user'}---{hashlib.sha256(user.encode()).hexdigest()[:12]}"
