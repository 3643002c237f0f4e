"""What the dispatchers under test send and by which policy, and the wait until their queue has settled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from functions.ports import Task
from infra.local.dispatcher import Dispatcher
from infra.local.held import Counts
from infra.local.queue_policy import QueuePolicy
from infra.local.sqlite_queue import SqliteQueue
from tests.contract.loopback import PATIENCE, until

QUICK = QueuePolicy(min_backoff=timedelta(minutes=1), concurrent=4, deadline=timedelta(seconds=PATIENCE))
SYNC = Task("sync_calendar", {"feed": "ä", "number": 7})

Begin = Callable[..., Dispatcher]


def settled(queue: SqliteQueue, counts: Counts) -> None:
    """Wait until the queue holds just so many tasks."""
    until(lambda: queue.counts() == counts)
