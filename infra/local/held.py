"""A task as the local queues hand it to whoever runs it; the header fields of Cloud Tasks are made from it.

https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from functions.ports import Task


@dataclass(frozen=True, slots=True)
class Held:
    """A task the queue holds: due at `at`, tried `attempts` times before, `responses` of which were answered."""

    id: int
    task: Task
    name: str | None
    at: datetime
    added: datetime
    attempts: int = 0
    responses: int = 0
    last_status: int | None = None
    first_try: datetime | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A task the queue gave up, `last_status` being the answer to its last attempt (None: there was none)."""

    id: int
    task: Task
    name: str | None
    attempts: int
    last_status: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """How many tasks wait for their time, are due, are being run, and were given up."""

    waiting: int = 0
    due: int = 0
    running: int = 0
    failed: int = 0

    @property
    def open(self) -> int:
        """How many are still to be done."""
        return self.waiting + self.due + self.running
