"""A process with a dispatcher of its own, until it is killed; without an address it only adds a task."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from functions.ports import Task
from infra.local.clock import SystemClock
from infra.local.dispatcher import Dispatcher
from infra.local.sqlite_queue import SqliteQueue


def main(path: Path, base_url: str) -> None:
    """Add a task from outside, or dispatch for ever."""
    clock = SystemClock()
    queue = SqliteQueue(path, clock)
    if not base_url:
        queue.add(Task("sync_calendar", {"from": "another process"}))
        queue.close()
        return
    with Dispatcher(queue, base_url, lambda _audience: "token", clock=clock):
        threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
