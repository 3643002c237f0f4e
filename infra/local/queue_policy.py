"""When a local queue tries a task, and for how long; the words and rules are those of Cloud Tasks.

https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues#RetryConfig and #RateLimits
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from infra.local.held import Held


@dataclass(frozen=True, slots=True)
class QueuePolicy:
    """The settings of a queue; a task is given up only when both its attempts and its time are used up."""

    name: str = "lockstep"
    min_backoff: timedelta = timedelta(seconds=1)
    max_backoff: timedelta = timedelta(hours=1)
    doublings: int = 12
    attempts: int = 100
    patience: timedelta = timedelta(days=3)
    deadline: timedelta = timedelta(minutes=10)
    concurrent: int = 8
    per_second: float = 500

    def backoff(self, attempts: int, random: Random) -> timedelta:
        """The wait after so many failed attempts (1 or more): doubling, then level, of which up to a half is left off.

        Leaving some off keeps tasks that failed together from coming back together.
        """
        full = min(self.min_backoff * (1 << min(attempts - 1, self.doublings)), self.max_backoff)
        return full * (1 - random.random() / 2)

    def next_try(self, held: Held, now: datetime, random: Random, retry_after: timedelta) -> datetime | None:
        """When to try again a task whose attempt has just failed; None to give it up."""
        attempts = held.attempts + 1
        spent = now - (held.first_try or now)
        if attempts >= self.attempts and spent >= self.patience:
            return None
        return now + max(self.backoff(attempts, random), min(retry_after, self.max_backoff))


class Pace:
    """How many tasks may go now: `per_second` on average, fewer after the receiver said it was overloaded.

    `seconds` is a clock that only runs forward.
    """

    def __init__(self, per_second: float, seconds: Callable[[], float]) -> None:
        self._per_second = per_second
        self._seconds = seconds
        self._burst = max(1.0, per_second / 5)
        self._room = self._burst
        self._share = 1.0
        self._at = seconds()
        self._lock = threading.Lock()

    def room(self) -> int:
        """How many tasks may go at this moment."""
        with self._lock:
            now = self._seconds()
            gained = (now - self._at) * self._per_second * self._share
            self._room = min(self._burst, self._room + gained)
            self._at = now
            return int(self._room)

    def spend(self, tasks: int) -> None:
        """So many have gone."""
        with self._lock:
            self._room -= tasks

    def slow(self) -> None:
        """The receiver answered 429 or 503: halve the pace, down to a hundredth."""
        with self._lock:
            self._share = max(self._share / 2, 0.01)
            self._room = min(self._room, 1.0)

    def ease(self) -> None:
        """The receiver did its work: a tenth faster, up to the full pace."""
        with self._lock:
            self._share = min(self._share * 1.1, 1.0)
