"""The grounds that the contract suites judge; a new implementation of a port joins its list here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from functions.ports import Queue, Store, Task
from infra.local.held import Counts, Held
from infra.local.memory import ManualClock, MemoryQueue, MemoryStore
from infra.local.sqlite_queue import SqliteQueue
from infra.local.sqlite_store import SqliteStore
from tests.contract.firestore_ground import firestore, firestore_rest
from tests.contract.served_queue import ServedDrain, ServedQueue, served_queue

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


STORES: dict[str, OpenStore] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "firestore": firestore,
    "firestore-rest": firestore_rest,
}


@contextmanager
def opened_store(name: str, folder: Path, clock: ManualClock) -> Iterator[PurgingStore]:
    """The store called `name`, empty, closed at the end."""
    with ExitStack() as to_close:
        yield STORES[name](folder, clock, to_close)


class Drain(Protocol):
    """The other end of a queue: who is handed its tasks, and says what became of them."""

    def take(self) -> list[Held]:
        """Every task that is due, each now held."""

    def done(self, held: Held) -> None:
        """The task was answered with success."""

    def failed(self, held: Held, at: datetime) -> None:
        """The task was answered with 500; it is to come again at `at`."""

    def counts(self) -> Counts:
        """How many tasks wait, are due and are held."""


class _MemoryDrain:
    def __init__(self, queue: MemoryQueue, clock: ManualClock) -> None:
        self._queue = queue
        self._clock = clock
        self.done = queue.done
        self.counts = queue.counts

    def take(self) -> list[Held]:
        return [self._queue.take(held) for held in self._queue.due(self._clock.now())]

    def failed(self, held: Held, at: datetime) -> None:
        self._queue.again(held, at, 500)


class _SqliteDrain:
    def __init__(self, queue: SqliteQueue) -> None:
        self._queue = queue
        self.counts = queue.counts

    def take(self) -> list[Held]:
        return self._queue.claim("drain", 1000, timedelta(minutes=1))

    def done(self, held: Held) -> None:
        self._queue.done(held, "drain")

    def failed(self, held: Held, at: datetime) -> None:
        self._queue.again(held, "drain", at, 500)


OpenQueue = Callable[[Path, ManualClock, ExitStack], tuple[Queue, Drain]]


def _memory_queue(_folder: Path, clock: ManualClock, _open: ExitStack) -> tuple[Queue, Drain]:
    queue = MemoryQueue(clock)
    return queue, _MemoryDrain(queue, clock)


def _sqlite_queue(folder: Path, clock: ManualClock, to_close: ExitStack) -> tuple[Queue, Drain]:
    queue = SqliteQueue(folder / "tasks.db", clock)
    to_close.callback(queue.close)
    return queue, _SqliteDrain(queue)


QUEUES: dict[str, OpenQueue] = {
    "memory": _memory_queue,
    "sqlite": _sqlite_queue,
    "cloudtasks": served_queue,
}


class OneByOne:
    """A queue's other end for one client among several, each of whom takes single tasks."""

    def __init__(
        self, take: Callable[[], Held | None], done: Callable[[Held], None], again: Callable[[Held], None]
    ) -> None:
        self._take, self._done, self._again = take, done, again
        self._known: dict[tuple[str, int], Held] = {}

    @classmethod
    def of(cls, queue: Queue, client: str) -> OneByOne:
        """The other end of this queue. Raises TypeError for one that has none yet."""
        if isinstance(queue, SqliteQueue):
            return cls(
                lambda: next(iter(queue.claim(client, 1, timedelta(minutes=1))), None),
                lambda held: queue.done(held, client),
                lambda held: queue.again(held, client, NOON, 500),
            )
        if isinstance(queue, MemoryQueue):
            return cls(lambda: _first(queue), queue.done, lambda held: queue.again(held, NOON, 500))
        if isinstance(queue, ServedQueue):
            drain = ServedDrain(queue)
            return cls(lambda: next(iter(drain.take(1)), None), drain.done, lambda held: drain.failed(held, NOON))
        raise TypeError("nobody can take tasks from this queue")

    def take(self) -> list[Any] | None:
        """One task that is due, now held: what it is called and how often it failed; None if there is none."""
        held = self._take()
        if held is None:
            return None
        self._known[str(held.task.body["task"]), held.attempts] = held
        return [str(held.task.body["task"]), held.attempts]

    def done(self, task: str, failures: int) -> None:
        """It succeeded."""
        self._done(self._known[task, failures])

    def again(self, task: str, failures: int) -> None:
        """It failed and is due again at once."""
        self._again(self._known[task, failures])


def _first(queue: MemoryQueue) -> Held | None:
    """The first due task that nobody else takes at the same moment."""
    while due := queue.due(NOON):
        for held in due:
            with suppress(KeyError):
                return queue.take(held)
    return None


def called(tasks: list[Held]) -> list[Task]:
    """What is to be called, in an order of its own."""
    return sorted((held.task for held in tasks), key=lambda task: (task.function, sorted(task.body.items())))
