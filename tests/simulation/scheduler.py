"""The scheduler: ticks at full minutes, but for those at which a tick would find nothing due."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from functions import clock
from tests.simulation.course import TICK, Course
from tests.simulation.hub import Worker

DUE = ("poll_at", "wake_at", "sweep_at", "renew_at", "due", "next_at")
"""The fields that the tick looks for."""
AHEAD = 90.0
"""Seconds before a clock trigger's slot at which a tick hands it over."""


class Scheduler:
    """Ticks when something is due; told of every document that is written."""

    def __init__(self, course: Course) -> None:
        self._course, self._hub = course, course.hub
        self._minutes: set[int] = set()
        self._due: dict[str, float] = {"the first tick": 0.0}

    def start(self) -> None:
        """Tick from the next minute on."""
        self._tick_at(self._hub.seconds + 60)

    def written(self, key: str, after: Mapping[str, Any] | None) -> None:
        """Come back when the document is due."""
        times = [float(at) for at in map(after.get, DUE) if at is not None] if after else []
        if after and after.get("next_fire") is not None:
            times.append(float(after["next_fire"]) - AHEAD)
        if times:
            self._due[key] = min(times)
            self._tick_at(max(self._due[key], self._hub.seconds + 1))
        else:
            self._due.pop(key, None)

    def _tick_at(self, when: float) -> None:
        minute = math.ceil(when / 60)
        if minute not in self._minutes:
            self._minutes.add(minute)
            self._hub.at(minute * 60.0, lambda: self._tick(minute))

    def _tick(self, minute: int) -> None:
        if self._hub.seconds < self._course.down_until:
            self._tick_at(self._course.down_until + 1)
        elif min(self._due.values(), default=0.0) <= self._hub.seconds:
            self._due.pop("the first tick", None)
            self._hub.spawn(f"tick {minute}", lambda: clock.tick(self._course.ground), self._ticked)

    def _ticked(self, worker: Worker) -> None:
        self._course.status(worker, TICK)
        # What it found and could not do is due still.
        self._tick_at(self._hub.seconds + 1)
