"""A process that adds one to a counter in a SqliteStore a number of times, against all others that do the same."""

from __future__ import annotations

import sys
from pathlib import Path

from conference.errors import Conflict
from functions.ports import Put
from infra.local.clock import SystemClock
from infra.local.sqlite_store import SqliteStore


def main(path: Path, times: int) -> None:
    """Read, add one, commit on what was read; again on a conflict."""
    store = SqliteStore(path, SystemClock())
    for _ in range(times):
        while not add_one(store):
            pass
    store.close()


def add_one(store: SqliteStore) -> bool:
    """Whether one was added."""
    document = store.get("counters/a")
    n, version = (document.data["n"], document.version) if document else (0, None)
    try:
        store.commit(Put("counters/a", {"n": n + 1}, version))
    except Conflict:
        return False
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
