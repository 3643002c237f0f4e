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
        if not self._made:
            with self._lock:
                if not self._made:
                    self._made.append(self._make())
        return self._made[0]

    @property
    def made(self) -> bool:
        """Whether it is made."""
        return bool(self._made)

    def forget(self) -> None:
        """Let the next call make another; what was made is not closed."""
        with self._lock:
            self._made = []
