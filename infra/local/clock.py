"""Clocks of the local ground: the system's, and one that can be put forward; the port is functions.ports.Clock."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

SHIFT = "clock-shift"


class SystemClock:
    """The time this machine tells."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        return datetime.now(UTC)


class ShiftedClock:
    """The time this machine tells plus an offset, so that a running local stack can be taken to another day."""

    def __init__(self, offset: timedelta = timedelta()) -> None:
        self._offset = offset
        self._lock = threading.Lock()

    @property
    def offset(self) -> timedelta:
        """How far this clock is ahead of the machine's."""
        return self._offset

    def now(self) -> datetime:
        """The present instant of the shifted time, aware, UTC."""
        return datetime.now(UTC) + self._offset

    def advance(self, by: timedelta) -> datetime:
        """Put the clock forward (or back) and return what it shows; safe from any thread."""
        with self._lock:
            self._offset += by
        return self.now()


def stored_shift(state: Path) -> float:
    """How many seconds the local stack's clock was put forward."""
    file = state / SHIFT
    return float(file.read_text()) if file.exists() else 0.0


def store_shift(state: Path, seconds: float) -> None:
    """Keep the shift, so that a restart does not take the clock back."""
    draft = state / f".{SHIFT}"
    draft.write_text(repr(seconds))
    draft.replace(state / SHIFT)
