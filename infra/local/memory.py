"""The ground kept in memory, for tests and simulation: deterministic, one thread suffices, more are safe.

The ports are in functions.ports; the contract suites in tests/contract judge these as they judge every other ground.
"""

from __future__ import annotations

import contextvars
import heapq
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, TypeVar

from conference.errors import Conflict
from functions.ports import Clock, Delete, Document, Put, Task, Version, Where
from infra.documents import check_key, check_query, check_writes, decode, encode_writes, lasts_until, meets, place
from infra.google.firestore_indexes import Indexes
from infra.local.held import Counts, Held
from infra.tasks import NAMES_KEPT, check_name, decode_body, encode_body, moment

T = TypeVar("T")


class ManualClock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self, now: datetime) -> None:
        self.set(now)

    def now(self) -> datetime:
        """The instant last set, aware, UTC."""
        return self._now

    def set(self, now: datetime) -> None:
        """Show this instant, which may lie in the past of the last one. Raises ValueError if it has no zone."""
        if now.tzinfo is None:
            raise ValueError("an instant is an aware datetime")
        self._now = now

    def advance(self, by: timedelta) -> datetime:
        """Put the clock forward and return what it shows."""
        self._now += by
        return self._now


class OneLane:
    """Lanes of width one: every call in the caller's thread, in order."""

    def run(self, calls: Sequence[Callable[[], T]]) -> list[T | Exception]:
        """Make every call; an exception takes the place of its result."""
        return [_outcome(call) for call in calls]


def _outcome(call: Callable[[], T]) -> T | Exception:
    try:
        # In a copy of the caller's context, as on lanes of several threads.
        return contextvars.copy_context().run(call)
    except Exception as error:  # noqa: BLE001 - the port returns whatever a call raised
        return error


@dataclass(slots=True)
class _Row:
    encoded: bytes
    version: Version
    until: float | None  # the second from which on it counts as absent
    read: dict[str, Any] | None = None

    @property
    def data(self) -> dict[str, Any]:
        """The document to be looked at, never to be changed: decoded when the first one comes."""
        if self.read is None:
            self.read = decode(self.encoded)
        return self.read

    def expired(self, now: datetime) -> bool:
        return self.until is not None and self.until <= now.timestamp()


class MemoryStore:
    """The Store in a dict; documents are kept as JSON, so that no caller shares objects with it.

    With `indexes`, a query for which the cloud would need another index raises ValueError.
    """

    def __init__(self, clock: Clock, indexes: Indexes | None = None) -> None:
        self._clock = clock
        self._indexes = indexes
        self._collections: defaultdict[str, dict[str, _Row]] = defaultdict(dict)
        self._commits = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> Document | None:
        """The document, as the last commit left it."""
        check_key(key)
        with self._lock:
            row = self._alive(key)
        return None if row is None else Document(key, decode(row.encoded), row.version)

    def look(self, key: str) -> dict[str, Any] | None:
        """The document's data for those who only read it and keep nothing of it: all of them get the same objects."""
        with self._lock:
            row = self._alive(key)
        return None if row is None else row.data

    def commit(self, *writes: Put | Delete) -> tuple[Version | None, ...]:
        """Do all writes or none; raises Conflict if any condition fails."""
        check_writes(writes)
        encoded = encode_writes(writes)
        with self._lock:
            for write in writes:
                self._check(write)
            self._commits += 1
            return tuple(map(self._apply, writes, encoded))

    def query(
        self,
        collection: str,
        where: Sequence[Where] = (),
        *,
        order_by: str | None = None,
        limit: int = 100,
        after: Document | None = None,
    ) -> list[Document]:
        """Documents that meet every condition, ascending by `order_by` and then by key, behind `after`."""
        check_query(collection, where, order_by, limit, after)
        if self._indexes is not None:
            self._indexes.check(collection, where, order_by)
        start = None if after is None else place(after.data, after.key, order_by)
        now = self._clock.now()
        with self._lock:
            rows = list(self._collections[collection].items())
        placed = [
            (where_it_stands, key, row)
            for key, row in rows
            if meets(row.data, where)
            and (where_it_stands := place(row.data, key, order_by)) is not None
            and (start is None or where_it_stands > start)
            and not row.expired(now)
        ]
        first = heapq.nsmallest(limit, placed, key=itemgetter(0))
        return [Document(key, decode(row.encoded), row.version) for _, key, row in first]

    def purge(self, now: datetime) -> int:
        """Forget what has expired by `now` and return how many documents that were."""
        with self._lock:
            gone = [(rows, key) for rows in self._collections.values() for key in rows if rows[key].expired(now)]
            for rows, key in gone:
                del rows[key]
        return len(gone)

    def _rows(self, key: str) -> dict[str, _Row]:
        return self._collections[key.partition("/")[0]]

    def _alive(self, key: str) -> _Row | None:
        row = self._rows(key).get(key)
        if row is None or row.until is None:
            return row
        return None if row.expired(self._clock.now()) else row

    def _check(self, write: Put | Delete) -> None:
        row = self._alive(write.key)
        if write.if_version != (row and row.version):
            raise Conflict("The document has changed meanwhile")

    def _apply(self, write: Put | Delete, encoded: bytes | None) -> Version | None:
        rows = self._rows(write.key)
        if encoded is None or isinstance(write, Delete):
            del rows[write.key]
            return None
        rows[write.key] = row = _Row(encoded, str(self._commits), lasts_until(write.data))
        return row.version


class MemoryQueue:
    """The Queue in a dict; whoever drives it takes due tasks and says what became of them."""

    def __init__(self, clock: Clock, names_kept: timedelta = NAMES_KEPT) -> None:
        self._clock = clock
        self._names_kept = names_kept
        self._added = 0
        self._waiting: dict[int, Held] = {}
        self._running: dict[int, Held] = {}
        self._names: dict[str, datetime | None] = {}  # until when a name is refused; None while its task is open
        self._lock = threading.Lock()

    def add(self, task: Task, *, name: str | None = None, at: datetime | None = None) -> bool:
        """Take the task; False if its name is open or was used within the last 24 hours."""
        check_name(name)
        body = encode_body(task)
        now = self._clock.now()
        due = moment(at, now)
        with self._lock:
            if name is not None and self._refused(name, now):
                return False
            self._added += 1
            copy = Task(task.function, decode_body(body), trace=task.trace)
            self._waiting[self._added] = Held(self._added, copy, name, due, now)
            if name is not None:
                self._names[name] = None
            return True

    def due(self, now: datetime) -> list[Held]:
        """The tasks that may be run at `now`, the longest due first."""
        return [held for held in self.waiting() if held.at <= now]

    def waiting(self) -> list[Held]:
        """The tasks nobody has taken, due or not, by their time."""
        with self._lock:
            return sorted(self._waiting.values(), key=lambda held: (held.at, held.id))

    def running(self) -> list[Held]:
        """The tasks taken of which nothing has been said since, in the order they were added."""
        with self._lock:
            return sorted(self._running.values(), key=lambda held: held.id)

    def take(self, held: Held) -> Held:
        """Hold the task for its run, due or not: no `due` names it until `again`. Raises KeyError if not waiting."""
        with self._lock:
            taken = self._waiting.pop(held.id)
            self._running[held.id] = taken
            return taken

    def done(self, held: Held) -> None:
        """Forget the task, its name excepted; without effect for an attempt that `again` has ended before."""
        with self._lock:
            known = self._end(held)
            if known and known.name is not None:
                self._names[known.name] = self._clock.now() + self._names_kept

    def again(self, held: Held, at: datetime, status: int | None = None) -> None:
        """Run the task again at `at`, its attempt having ended with `status` (None: without an answer)."""
        with self._lock:
            known = self._end(held)
            if known:
                self._waiting[known.id] = replace(
                    known,
                    at=at,
                    attempts=known.attempts + 1,
                    responses=known.responses + (status is not None),
                    last_status=status,
                    first_try=known.first_try or self._clock.now(),
                )

    def counts(self) -> Counts:
        """How many tasks wait, are due, and are being run."""
        now = self._clock.now()
        with self._lock:
            due = sum(held.at <= now for held in self._waiting.values())
            return Counts(waiting=len(self._waiting) - due, due=due, running=len(self._running))

    def _end(self, held: Held) -> Held | None:
        known = self._running.get(held.id)
        return self._running.pop(held.id) if known and known.attempts == held.attempts else None

    def _refused(self, name: str, now: datetime) -> bool:
        if name not in self._names:
            return False
        until = self._names[name]
        return until is None or now < until
