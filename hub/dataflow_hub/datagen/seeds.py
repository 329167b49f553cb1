"""Seeds: everyone's own data, the same each time, told by nobody who lacks the course secret."""

from __future__ import annotations

import hashlib
import hmac

_BITS = 63  # fits a signed 64-bit column, and so any database


def student_seed(course_secret: str, user: str, lesson: str) -> int:
    """Give the seed of the data that one student sees in one lesson."""
    return _keyed(course_secret, "visible", user, lesson)


def hidden_seeds(course_secret: str, user: str, lesson: str, count: int) -> tuple[int, ...]:
    """Give the seeds of the data that a student's submission is checked on and that the student never sees.

    They stay the same for one student and lesson, so that grading again gives the same marks.
    """
    return tuple(_keyed(course_secret, "hidden", user, lesson, str(index)) for index in range(count))


def _keyed(secret: str, *parts: str) -> int:
    message = b"\0".join(part.encode() for part in parts)
    digest = hmac.new(secret.encode(), message, hashlib.sha256).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - _BITS)
