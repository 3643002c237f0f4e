"""What the clients of a linearizability test do: wander over a few documents, or over a few names and tasks."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Protocol

from conference.errors import Conflict
from functions.ports import Delete, Document, Put, Queue, Store, Task
from tests.contract.linearizable import Line, Telling
from tests.contract.sequential import CONFLICT

KEYS = [f"pairs/{name}" for name in "abc"]
Tell = Callable[[Line], object]


class StoreCaller:
    """Reads, lists and commits at random, on what it last read, which may be out of date."""

    def __init__(self, store: Store, client: str, random: Random, tell: Tell) -> None:
        self._store, self._client, self._random = store, client, random
        self._telling = Telling(client, tell)
        self._versions: dict[str, str | None] = {}
        self._written = 0

    def wander(self, steps: int) -> None:
        """Make so many calls."""
        for _ in range(steps):
            kind = self._random.random()
            if kind < 0.35:
                self.get(self._random.choice(KEYS))
            elif kind < 0.5:
                self.query()
            else:
                self.commit(self._random.sample(KEYS, self._random.choice([1, 2, 2, 3])))

    def get(self, key: str) -> None:
        """Read one."""
        found = self._telling.call(["get", key], lambda: _told(self._store.get(key)))
        self._versions[key] = found[1] if found else None

    def query(self) -> None:
        """Read all."""
        found = self._telling.call(["query"], lambda: [[d.key, *_read(d)] for d in self._store.query("pairs")])
        self._versions = {key: version for key, _, version in found}

    def commit(self, keys: list[str]) -> None:
        """Write some, now and then after another look, now and then deleting one."""
        if self._random.random() < 0.4:
            self.query()
        writes = [self._write(key) for key in keys]
        asked = [[w.key, w.data["value"] if isinstance(w, Put) else None, w.if_version] for w in writes]
        versions = self._telling.call(["commit", *asked], lambda: self._committed(writes))
        if versions == CONFLICT:
            self._versions = {}
        else:
            self._versions.update(zip(keys, versions, strict=True))

    def _write(self, key: str) -> Put | Delete:
        version = self._versions.get(key)
        if version is not None and self._random.random() < 0.15:
            return Delete(key, version)
        self._written += 1
        return Put(key, {"value": f"{self._client}-{self._written}"}, version)

    def _committed(self, writes: list[Put | Delete]) -> Any:
        try:
            return list(self._store.commit(*writes))
        except Conflict:
            return CONFLICT


def _told(document: Document | None) -> list[Any] | None:
    return None if document is None else _read(document)


def _read(document: Document) -> list[Any]:
    return [document.data["value"], document.version]


class Taker(Protocol):
    """The other end of a queue for one client: tasks by what they are called, and how often they have failed."""

    def take(self) -> list[Any] | None:
        """One task that is due, now held; None if there is none."""

    def done(self, task: str, failures: int) -> None:
        """It succeeded."""

    def again(self, task: str, failures: int) -> None:
        """It failed and is due again at once."""


class QueueCaller:
    """Adds tasks, most under names that the others use too, and takes, ends and fails them, now and then too late."""

    def __init__(self, queue: Queue, taker: Taker, client: str, random: Random, tell: Tell) -> None:
        self._queue, self._taker, self._client, self._random = queue, taker, client, random
        self._telling = Telling(client, tell)
        self._held: list[list[Any]] = []
        self._added = 0

    def wander(self, steps: int) -> None:
        """Make so many calls."""
        for _ in range(steps):
            kind = self._random.random()
            if kind < 0.4:
                # Everybody goes on to the next name at about the same time.
                self.add(f"name-{self._added // 2}" if self._random.random() < 0.8 else None)
            elif kind < 0.75:
                self.take()
            elif self._held:
                self.end("done" if kind < 0.9 else "again")

    def add(self, name: str | None) -> None:
        """Add a task of one's own."""
        self._added += 1
        task = f"{self._client}-{self._added}"
        self._telling.call(["add", task, name], lambda: self._queue.add(Task("tick", {"task": task}), name=name))

    def take(self) -> bool:
        """Take a task; False if none was due."""
        held = self._telling.call(["take"], self._taker.take)
        if held:
            self._held.append(held)
        return held is not None

    def release(self, client: str, release: Callable[[str], None]) -> None:
        """Have the tasks of a dead client wait again."""
        self._telling.call(["release", client], lambda: release(client))

    def end(self, how: str) -> None:
        """Say what became of a task; of some twice, the second time too late."""
        held = self._random.choice(self._held)
        if self._random.random() < 0.8:
            self._held.remove(held)
        self._telling.call([how, *held], lambda: getattr(self._taker, how)(*held))
