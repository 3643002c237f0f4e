"""What a process makes once, at its first use, whichever of its threads comes first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """Calls `make` at the first call and returns its result ever after; if it raises, the next call tries again.

    functools.cache would let threads that come together each make one.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: list[T] = []
        self._lock = threading.Lock()

    def __call__(self) -> T:
        """What was made, now or before."""
        made = self._made
        if not made:
            with self._lock:
                made = self._made = self._made or [self._make()]
        return made[0]

    @property
    def made(self) -> bool:
        """Whether it is made."""
        return bool(self._made)

    def forget(self) -> T | None:
        """Let the next call make another; return what was made, if anything was: it is not closed."""
        with self._lock:
            made, self._made = self._made, []
        return made[0] if made else None
