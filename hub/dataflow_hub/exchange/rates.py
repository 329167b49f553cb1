"""How fast one caller may ask: a token bucket each."""

from __future__ import annotations

import time
from collections.abc import Callable

_MOST_BUCKETS = 10_000


class TokenBuckets:
    """`burst` requests at once, then `per_second`, for each key.

    Parameters
    ----------
    burst, per_second
        Size and refill of each bucket.
    clock
        Monotonic seconds.
    """

    def __init__(self, burst: float, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._per_second, self._clock = burst, per_second, clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> float:
        """Take one request from the key's bucket: 0 when it may go on, else the seconds to wait."""
        now = self._clock()
        left, since = self._buckets.get(key, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._per_second)
        if left < 1:
            self._buckets[key] = (left, now)
            return (1 - left) / self._per_second
        self._buckets[key] = (left - 1, now)
        if len(self._buckets) > _MOST_BUCKETS:
            self._forget_full(now)
        return 0.0

    def _forget_full(self, now: float) -> None:
        full_after = self._burst / self._per_second
        self._buckets = {key: value for key, value in self._buckets.items() if now - value[1] < full_after}
