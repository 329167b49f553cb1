"""How often somebody may try: failures of the last minute, counted by account and by address."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_KEYS = 10_000


class Attempts:
    """Failures within a window, by key; a key with `limit` of them is refused until the oldest has passed."""

    def __init__(self, limit: int, *, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._seconds, self._clock = limit, seconds, clock
        self._failures: dict[str, deque[float]] = {}

    def allowed(self, *keys: str) -> bool:
        """Tell whether none of these has failed too often."""
        return all(len(self._recent(key)) < self._limit for key in keys)

    def fail(self, *keys: str) -> None:
        """Count a failure of each of these."""
        if len(self._failures) > _MOST_KEYS:
            self._forget()
        for key in keys:
            self._failures.setdefault(key, deque(maxlen=self._limit)).append(self._clock())

    def succeed(self, key: str) -> None:
        """Forget the failures of `key`."""
        self._failures.pop(key, None)

    def _recent(self, key: str) -> deque[float]:
        failures = self._failures.get(key, deque())
        while failures and failures[0] <= self._clock() - self._seconds:
            failures.popleft()
        return failures

    def _forget(self) -> None:
        for key in [key for key in self._failures if not self._recent(key)]:
            del self._failures[key]
