"""Counts what the store is asked, so that benchmarks and the operator see what a change costs."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence

from functions.ports import Delete, Document, Put, Store, Version, Where


class CountedStore:
    """The Store as `store` is, with a count of the calls by kind; safe from any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._calls: Counter[str] = Counter(get=0, commit=0, query=0)
        self._lock = threading.Lock()

    def calls(self) -> Mapping[str, int]:
        """How often each method was called since the start."""
        with self._lock:
            return dict(self._calls)

    def get(self, key: str) -> Document | None:
        """As the store."""
        self._count("get")
        return self._store.get(key)

    def commit(self, *writes: Put | Delete) -> tuple[Version | None, ...]:
        """As the store."""
        self._count("commit")
        return self._store.commit(*writes)

    def query(
        self,
        collection: str,
        where: Sequence[Where] = (),
        *,
        order_by: str | None = None,
        limit: int = 100,
        after: Document | None = None,
    ) -> list[Document]:
        """As the store."""
        self._count("query")
        return self._store.query(collection, where, order_by=order_by, limit=limit, after=after)

    def _count(self, kind: str) -> None:
        with self._lock:
            self._calls[kind] += 1
