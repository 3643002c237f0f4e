"""How many tasks of a queue may be called now: a bucket of tokens, filled slower while the target is overloaded.

https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#ratelimits
"""

from __future__ import annotations

import threading
from collections.abc import Callable

SLOWEST = 0.01
"""The share of its rate that a queue keeps however overloaded its target says it is."""


class Bucket:
    """Holds up to `burst` tokens and gets `per_second`; `seconds` is a clock that only runs forward."""

    def __init__(self, per_second: float, burst: int, seconds: Callable[[], float]) -> None:
        self._per_second = per_second
        self._burst = burst
        self._seconds = seconds
        self._tokens = float(burst)
        self._share = 1.0
        self._at = seconds()
        self._lock = threading.Lock()

    def set(self, per_second: float, burst: int) -> None:
        """Go on with other limits."""
        with self._lock:
            self._fill()
            self._per_second, self._burst = per_second, burst

    def tokens(self) -> int:
        """How many there are."""
        with self._lock:
            self._fill()
            return int(self._tokens)

    def take(self, tokens: int) -> None:
        """So many calls begin."""
        with self._lock:
            self._tokens -= tokens

    def next_in(self) -> float:
        """Seconds until there is a token."""
        with self._lock:
            self._fill()
            return max(0.0, (1 - self._tokens) / (self._per_second * self._share))

    def slow(self) -> None:
        """The target answered 429 or 503: halve the rate, and hold no tokens back for a burst."""
        with self._lock:
            self._fill()
            self._share = max(self._share / 2, SLOWEST)
            self._tokens = min(self._tokens, 1.0)

    def ease(self) -> None:
        """The target did its work: a tenth faster, up to the full rate."""
        with self._lock:
            self._fill()
            self._share = min(self._share * 1.1, 1.0)

    def _fill(self) -> None:
        now = self._seconds()
        gained = (now - self._at) * self._per_second * self._share
        self._tokens = min(float(self._burst), self._tokens + gained)
        self._at = now
