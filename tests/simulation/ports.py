"""The ports of a simulated world: the real ones of the memory ground, reached by calls that may go wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, Protocol, TypeVar

from conference.errors import Gone, Later, OutcomeUnknown, Revoked
from conference.meeting import Meeting, MeetingRef, MeetingSpec
from conference.providers.protocol import Capabilities, ConferenceProvider, Deletion, Field, Notification, Written
from functions.ports import Delete, Document, Put, Task, Version, Where
from infra.local.memory import MemoryQueue, MemoryStore
from tests.simulation.crossing import Call, Crossing
from tests.simulation.faults import Fault
from tests.simulation.hub import Hub
from tests.simulation.vendor import ModelProvider

T = TypeVar("T")


class StoreWatcher(Protocol):
    """Who is told of every committed write and every task."""

    def store_changed(self, key: str, before: dict[str, Any] | None, after: dict[str, Any] | None, worker: str) -> None:
        """A document was written."""

    def task_added(self, function: str, body: Mapping[str, Any], at: float) -> None:
        """A task was given to the queue, to be run at this instant."""

    def task_refused(self, function: str, body: Mapping[str, Any], name: str) -> None:
        """The queue did not take it: this name is taken."""


def _unanswered(_: Fault) -> NoReturn:
    raise OutcomeUnknown("no answer came")


def _unavailable(_: Fault, __: float) -> NoReturn:
    raise Later("not available")


class SkewedClock:
    """The hub's time, as a machine sees it whose clock is off by some seconds."""

    def __init__(self, hub: Hub, skew: float = 0.0) -> None:
        self._hub, self._skew = hub, timedelta(seconds=skew)

    def now(self) -> datetime:
        """The present instant there."""
        return self._hub.now() + self._skew if self._skew else self._hub.now()


_NEAR = 0.02
"""Seconds to the store or the queue, and back, at most."""
_GET = Call("store read", "store", "store.get", _NEAR, _unavailable, _unanswered)
_QUERY = Call("store read", "store", "store.query", _NEAR, _unavailable, _unanswered)
_COMMIT = Call("store write", "store", "store.commit", _NEAR, _unavailable, _unanswered)


class SimStore:
    """The memory store behind a network."""

    def __init__(self, store: MemoryStore, crossing: Crossing, watcher: StoreWatcher) -> None:
        self._store, self._crossing, self._watcher = store, crossing, watcher

    def get(self, key: str) -> Document | None:
        """As the port says."""
        return self._crossing.make(_GET, lambda: self._store.get(key))

    def query(
        self,
        collection: str,
        where: Sequence[Where] = (),
        *,
        order_by: str | None = None,
        limit: int = 100,
        after: Document | None = None,
    ) -> list[Document]:
        """As the port says."""
        return self._crossing.make(
            _QUERY, lambda: self._store.query(collection, where, order_by=order_by, limit=limit, after=after)
        )

    def commit(self, *writes: Put | Delete) -> tuple[Version | None, ...]:
        """As the port says."""
        return self._crossing.make(_COMMIT, lambda: self._commit(writes))

    def _commit(self, writes: tuple[Put | Delete, ...]) -> tuple[Version | None, ...]:
        before = [self._store.look(write.key) for write in writes]
        versions = self._store.commit(*writes)
        worker = self._crossing.hub.current
        for write, was in zip(writes, before, strict=True):
            after = dict(write.data) if isinstance(write, Put) else None
            self._watcher.store_changed(write.key, was, after, worker.name if worker else "late")
        return versions


class SimQueue:
    """The memory queue behind a network; `added` is told when a task is due."""

    def __init__(
        self, queue: MemoryQueue, crossing: Crossing, watcher: StoreWatcher, added: Callable[[float], None]
    ) -> None:
        self._queue, self._crossing, self._watcher, self._added = queue, crossing, watcher, added

    def add(self, task: Task, *, name: str | None = None, at: datetime | None = None) -> bool:
        """As the port says."""
        call = Call("queue", "queue", f"queue.add {task.function}", _NEAR, _unavailable, _unanswered)
        return self._crossing.make(call, lambda: self._add(task, name, at))

    def _add(self, task: Task, name: str | None, at: datetime | None) -> bool:
        self._watcher.task_added(task.function, task.body, at.timestamp() if at else 0.0)
        taken = self._queue.add(task, name=name, at=at)
        if not taken and name is not None:
            self._watcher.task_refused(task.function, task.body, name)
        if taken:
            self._added(at.timestamp() if at else 0.0)
        return taken


class SimLanes:
    """Lanes that the hub interleaves."""

    def __init__(self, hub: Hub, width: int) -> None:
        self._hub, self._width = hub, width

    def run(self, calls: Sequence[Callable[[], T]]) -> list[T | Exception]:
        """As the port says."""
        return self._hub.side_by_side(calls, self._width)


class SimProvider:
    """A vendor's model behind a network, and behind a licence that may be lost for a while."""

    LATENCY = 0.4

    def __init__(self, inner: ModelProvider, crossing: Crossing, changed: Callable[[], None]) -> None:
        self._inner, self._crossing, self._changed = inner, crossing, changed
        self.revoked_until = 0.0
        self._out_of_sight: set[str] = set()
        """The meetings that were not found once, though they were there."""

    @property
    def name(self) -> str:
        """The model's."""
        return self._inner.name

    @property
    def account(self) -> str:
        """The model's."""
        return self._inner.account

    @property
    def capabilities(self) -> Capabilities:
        """The model's."""
        return self._inner.capabilities

    def losses(self, spec: MeetingSpec) -> frozenset[Field]:
        """The model's."""
        return self._inner.losses(spec)

    def expected_digest(self, spec: MeetingSpec) -> str | None:
        """The model's."""
        return self._inner.expected_digest(spec)

    def create(self, spec: MeetingSpec, *, key: str) -> Written:
        """As the protocol says."""
        self._crossing.making(spec.title.partition(" ")[0])
        return self._write("create", lambda: self._inner.create(spec, key=key))

    def find(self, key: str) -> Meeting | None:
        """As the protocol says."""
        return self._read("find", lambda: self._inner.find(key))

    def get(self, ref: MeetingRef) -> Meeting:
        """As the protocol says."""

        def refused(fault: Fault, extra: float) -> Meeting:
            # An outage that says so twice in a row, and a minute apart, would be believed.
            if fault is not Fault.PROVIDER_LOST_SIGHT:
                _busy(fault, extra)
            if ref.id in self._out_of_sight:
                return self._inner.get(ref)
            self._out_of_sight.add(ref.id)
            raise Gone("the meeting is not found")

        return self._call("provider look", "get", lambda: self._inner.get(ref), refused)

    def update(self, ref: MeetingRef, spec: MeetingSpec, *, key: str, base: Meeting | None = None) -> Written:
        """As the protocol says."""
        return self._write("update", lambda: self._inner.update(ref, spec, key=key, base=base))

    def delete(self, ref: MeetingRef) -> Deletion:
        """As the protocol says."""
        return self._write("delete", lambda: self._inner.delete(ref))

    def _read(self, operation: str, act: Callable[[], T]) -> T:
        return self._call("provider read", operation, act, _busy)

    def _write(self, operation: str, act: Callable[[], T]) -> T:
        def write() -> T:
            try:
                return act()
            finally:
                self._changed()

        return self._call("provider write", operation, write, _busy)

    def _call(self, kind: str, operation: str, act: Callable[[], T], refused: Callable[[Fault, float], T]) -> T:
        def licensed() -> T:
            if self._crossing.hub.seconds < self.revoked_until:
                raise Revoked("the account has no licence now")
            return act()

        name = f"provider.{operation}"
        unanswered = _unanswered if kind == "provider write" else _no_answer
        return self._crossing.make(Call(kind, "provider", name, self.LATENCY, refused, unanswered), licensed)


class _Listing(SimProvider):
    """One whose meetings can be listed."""

    def list(self) -> Iterable[Meeting]:
        """As the protocol says."""
        return self._read("list", lambda: [*self._inner.list()])  # type: ignore[attr-defined]  # of a model that lists


class _Reading(SimProvider):
    """One that pushes."""

    def read(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notification:
        """As the protocol says; no call goes out."""
        read: Notification = self._inner.read(headers, body, now=now)  # type: ignore[attr-defined]  # of one that pushes
        return read


class _ListingAndReading(_Listing, _Reading):
    """Both."""


def provider(inner: ModelProvider, crossing: Crossing, changed: Callable[[], None]) -> SimProvider:
    """The model behind a network, with the same optional abilities."""
    lists, reads = hasattr(inner, "list"), hasattr(inner, "read")
    kinds = {(False, False): SimProvider, (True, False): _Listing, (False, True): _Reading}
    made: SimProvider = kinds.get((lists, reads), _ListingAndReading)(inner, crossing, changed)
    _: ConferenceProvider = made
    return made


def _busy(_: Fault, extra: float) -> NoReturn:
    waits = (None, timedelta(seconds=1), timedelta(seconds=40), timedelta(days=400), datetime(2026, 1, 1, tzinfo=UTC))
    raise Later("the provider is busy", after=waits[int(extra * len(waits))])


def _no_answer(_: Fault) -> NoReturn:
    raise Later("no answer came")
