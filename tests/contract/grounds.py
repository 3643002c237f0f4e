"""The grounds that the contract suites judge; a new implementation of a port joins its list here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from functions.ports import Store
from infra.local.memory import ManualClock, MemoryStore
from infra.local.sqlite_store import SqliteStore

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class PurgingStore(Store, Protocol):
    """A store that deletes expired documents itself; grounds whose service does it need no `purge`."""

    def purge(self, now: datetime) -> int:
        """Delete what has expired by `now`; how many documents that were."""


OpenStore = Callable[[Path, ManualClock, ExitStack], PurgingStore]


def _memory(_folder: Path, clock: ManualClock, _open: ExitStack) -> PurgingStore:
    return MemoryStore(clock)


def _sqlite(folder: Path, clock: ManualClock, to_close: ExitStack) -> PurgingStore:
    store = SqliteStore(folder / "documents.db", clock)
    to_close.callback(store.close)
    return store


STORES: dict[str, OpenStore] = {"memory": _memory, "sqlite": _sqlite}


@contextmanager
def opened_store(name: str, folder: Path, clock: ManualClock) -> Iterator[PurgingStore]:
    """The store called `name`, empty, closed at the end."""
    with ExitStack() as to_close:
        yield STORES[name](folder, clock, to_close)
