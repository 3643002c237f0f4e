"""A process that wanders over a store and a queue in SQLite files and tells of each call on standard output."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path
from random import Random

from infra.local.memory import ManualClock
from infra.local.sqlite_queue import SqliteQueue
from infra.local.sqlite_store import SqliteStore
from tests.contract.callers import QueueCaller, StoreCaller
from tests.contract.grounds import NOON, OneByOne
from tests.contract.linearizable import Line


def main(folder: Path, client: str, steps: int) -> None:
    """Make so many calls of each kind, in turns."""
    clock, random = ManualClock(NOON), Random(client)  # noqa: S311 - a test's choices, not secrets
    with (
        closing(SqliteStore(folder / "documents.db", clock)) as store,
        closing(SqliteQueue(folder / "tasks.db", clock)) as queue,
    ):
        documents = StoreCaller(store, client, random, lambda line: tell("store", line))
        tasks = QueueCaller(queue, OneByOne.of(queue, client), client, random, lambda line: tell("queue", line))
        for _ in range(steps // 5):
            documents.wander(5)
            tasks.wander(5)


def tell(kind: str, line: Line) -> None:
    """Say it at once: what a killed process has begun must be known."""
    sys.stdout.write(json.dumps([kind, *line]) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
