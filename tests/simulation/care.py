"""The judges of what heals by itself: what is owed, what is left behind, and the channels.

The periodic jobs hide such mistakes from whoever looks at results only; each is seen here at the step that makes it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from infra.local.memory import MemoryQueue, MemoryStore
from tests.simulation.debts import Debts
from tests.simulation.owed import Owed
from tests.simulation.sight import Json, Now
from tests.simulation.watches import Watches


class Care:
    """Passes on to each of them what it has to see."""

    def __init__(self, store: MemoryStore, queue: MemoryQueue, vendors: Collection[str], clock: Now) -> None:
        self._debts = Debts(store, queue, clock)
        self._owed = Owed(store, vendors, clock)
        self._watches = Watches(store, clock)

    def store_changed(self, key: str, before: Json | None, after: Json | None, worker: str) -> None:
        """Judge one committed write: I5, I6, I13, I14."""
        self._debts.store_changed(key, before, after, worker)
        self._owed.store_changed(key, before, after, worker)
        self._watches.store_changed(key, before, after, worker)

    def task_added(self, function: str, body: Mapping[str, Any], at: float, worker: str, own: int | None) -> None:
        """Judge when a task is to come that a worker has added, who was given its `own`: I13."""
        self._debts.task_added(function, body, at, worker, own)

    def task_refused(self, function: str, body: Mapping[str, Any], name: str, worker: str, own: int | None) -> None:
        """Judge that a task whose name is taken is still to come, beside the worker's `own`: I13."""
        self._debts.task_refused(function, body, name, worker, own)

    def tasks_are_lost(self) -> None:
        """From now on nobody can tell what tasks leave: one was lost or doubled, or a clock is wrong."""
        self._debts.tasks_are_lost = True

    def noticed(self, worker: str, feed: str) -> None:
        """A notice of this feed begins to be taken by this worker."""
        self._owed.noticed(worker, feed)

    def called(self, operation: str, worker: str) -> None:
        """A worker makes a call."""
        self._owed.called(operation, worker)

    def ended(self, worker: str, *, well: bool, undisturbed: bool, died: bool, own: int | None) -> None:
        """Judge what a worker leaves: I13, I14.

        It ended `well` if nothing has failed that it stands on, `undisturbed` if nothing at all has gone wrong with it;
        `own` is the number of the task that it was given.
        """
        self._owed.took(worker, well=well)
        self._watches.ended(worker, undisturbed=undisturbed)
        self._debts.ended(worker, well=well, died=died, own=own)
