"""Tasks due later than any queue keeps them: they come by on the way, and are armed again.

Authority: https://cloud.google.com/tasks/docs/quotas (a task is due within 30 days)
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from functions.ports import Clock, Queue, Task

REACH = timedelta(days=29)
"""A day less than queues allow: whoever adds may have a clock that is somewhat off."""
NOT_BEFORE = "not_before"
"""The field of the body that says when the task is due, in seconds since the epoch, on its way there."""

END = 250_000_000_000.0
"""Some time before the year 9999, the last that instants know."""


class Rearming:
    """A queue that takes tasks for any time to come; the port is functions.ports.Queue."""

    def __init__(self, queue: Queue, clock: Clock) -> None:
        self._queue = queue
        self._clock = clock

    def add(self, task: Task, *, name: str | None = None, at: datetime | None = None) -> bool:
        """Take the task, for a time on its way if it is due too late. Raises as the queue behind it does."""
        way = self._clock.now() + REACH
        if at is None or at <= way:
            return self._queue.add(task, name=name, at=at)
        body = {**task.body, NOT_BEFORE: at.timestamp()}
        return self._queue.add(Task(task.function, body, task.provider, task.trace), name=name, at=way)


def put_back(queue: Queue, now: float, function: str, body: dict[str, Any]) -> bool:
    """Take the mark of its way from the body of a task that has come; True if it is not due yet, and waits again.

    Who comes by twice is put back once. Raises Later, OutcomeUnknown.
    """
    due = body.pop(NOT_BEFORE, None)
    if not isinstance(due, int | float) or not now < due < END:
        return False
    # Not the instant of coming by, which differs from one delivery to the next: how many ways are left.
    left = int((due - now) / REACH.total_seconds())
    told = msgspec.json.encode([function, body, due, left], order="deterministic")
    queue.add(Task(function, body), name=hashlib.sha256(told).hexdigest()[:40], at=datetime.fromtimestamp(due, UTC))
    return True
