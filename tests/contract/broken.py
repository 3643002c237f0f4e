"""Stores and queues that break one promise each: whoever judges histories must find them out."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from conference.errors import Conflict
from functions.ports import Delete, Document, Put, Queue, Store, Task, Version
from tests.contract.grounds import OneByOne
from tests.contract.linearizable import elsewhere


class Behind:
    """A store in front of another one, faithful as it stands."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def get(self, key: str) -> Document | None:
        """As the port says."""
        return self._store.get(key)

    def commit(self, *writes: Put | Delete) -> tuple[Version | None, ...]:
        """As the port says."""
        return self._store.commit(*writes)


class LosesUpdates(Behind):
    """Looks at the conditions first and writes afterwards, whatever has happened between."""

    def commit(self, *writes: Put | Delete) -> tuple[Version | None, ...]:
        """Check, then act."""
        if any(self._version(write.key) != write.if_version for write in writes):
            raise Conflict("The document has changed meanwhile")
        while True:
            elsewhere()
            try:
                return self._store.commit(*map(self._whatever_is_there, writes))
            except Conflict:
                continue

    def _whatever_is_there(self, write: Put | Delete) -> Put | Delete:
        now = self._version(write.key)
        if isinstance(write, Put):
            return replace(write, if_version=now)
        return Delete(write.key, now or "")

    def _version(self, key: str) -> Version | None:
        found = self._store.get(key)
        return found.version if found else None


class TearsCommits(Behind):
    """Does the writes of a commit one by one, each on its condition."""

    def commit(self, *writes: Put | Delete) -> tuple[Version | None, ...]:
        """Some or all."""
        versions: list[Version | None] = []
        for write in writes:
            elsewhere()
            versions += self._store.commit(write)
        return tuple(versions)


class ReadsLate(Behind):
    """Answers some reads with what it answered before."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._old: dict[str, Document | None] = {}
        self._reads = 0

    def get(self, key: str) -> Document | None:
        """What is there, or was."""
        self._reads += 1
        if self._reads % 10 == 0 and key in self._old:
            return self._old[key]
        self._old[key] = self._store.get(key)
        return self._old[key]


class ForgetsNames:
    """A queue that looks a name up first and notes it afterwards."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._names: set[str] = set()

    def add(self, task: Task, *, name: str | None = None, at: datetime | None = None) -> bool:
        """Check, then act."""
        if name in self._names:
            return False
        elsewhere()
        if name is not None:
            self._names.add(name)
        return self._queue.add(task, at=at)


class HandsOutTwice:
    """The other end of a queue, which now and then hands out what it has handed out before."""

    def __init__(self, honest: OneByOne, seen: list[list[Any]]) -> None:
        self._honest, self._seen = honest, seen

    def done(self, task: str, failures: int) -> None:
        """As it should be; for a task of somebody else's nothing happens."""
        with suppress(KeyError):
            self._honest.done(task, failures)

    def again(self, task: str, failures: int) -> None:
        """The same."""
        with suppress(KeyError):
            self._honest.again(task, failures)

    def take(self) -> list[Any] | None:
        """A task, perhaps somebody else's."""
        held = self._honest.take()
        if held is not None:
            self._seen.append(held)
            return held
        # Another thread may be quicker with the last one.
        with suppress(IndexError):
            return self._seen.pop()
        return None


class Loses:
    """The other end of a queue, which forgets the tasks that failed."""

    def __init__(self, honest: OneByOne) -> None:
        self.take, self.done, self.again = honest.take, honest.done, honest.done
