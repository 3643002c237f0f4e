"""The Store in one SQLite file, for many threads and processes at once; the port is functions.ports.Store.

Each document is one row of JSON. Beside it stands one row for each of its top-level values that a query can see, in
the order of the answer. SQLite's own json_extract is not used for that: it does not tell true from 1 and reads some
numbers back in another last digit, so that paging could repeat or skip a document.
"""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from conference.errors import Conflict
from functions.ports import Clock, Delete, Document, Put, Version, Where
from infra.documents import (
    EXPIRES,
    Kind,
    Scalar,
    check_key,
    check_query,
    check_writes,
    decode,
    encode_writes,
    expired,
    kind_of,
    meets,
    place,
)
from infra.local.sqlite import Connections
from infra.local.sqlite_search import search

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (key TEXT PRIMARY KEY, version INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS fields (
    collection TEXT NOT NULL, field TEXT NOT NULL, kind INTEGER NOT NULL, value NOT NULL, key TEXT NOT NULL,
    PRIMARY KEY (collection, field, kind, value, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS commits (number INTEGER NOT NULL);
INSERT INTO commits SELECT 0 WHERE NOT EXISTS (SELECT * FROM commits);
"""

_EXPIRED = """
WITH RECURSIVE names (name) AS (
    SELECT min(collection) FROM fields
    UNION ALL SELECT (SELECT min(collection) FROM fields WHERE collection > name) FROM names WHERE name IS NOT NULL
)
SELECT d.key, d.data FROM names
JOIN fields f ON f.collection = names.name AND f.field = ? AND f.kind = ? AND f.value <= ?
JOIN documents d ON d.key = f.key
"""

Field = tuple[str, int, Scalar]
"""A top-level value that queries see: its name, its kind, itself."""


class SqliteStore:
    """The Store in the file at `path`; close it when the process is done with it.

    A process killed at any moment leaves each commit done or not done, never half. Whoever finds the file locked for
    longer than `patience` gets Later.
    """

    def __init__(self, path: Path, clock: Clock, patience: timedelta = timedelta(seconds=5)) -> None:
        self._clock = clock
        self._connections = Connections(path, _SCHEMA, patience)

    def close(self) -> None:
        """Close the file; calls after that raise Later."""
        self._connections.close()

    def get(self, key: str) -> Document | None:
        """The document, as the last commit left it. Raises Later when the file cannot be read."""
        check_key(key)
        with self._connections.read() as db:
            row = db.execute("SELECT version, data FROM documents WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        data = decode(row[1])
        return None if expired(data, self._clock.now()) else Document(key, data, str(row[0]))

    def commit(self, *writes: Put | Delete) -> tuple[Version | None, ...]:
        """Do all writes or none; raises Conflict, Later or OutcomeUnknown as the port says."""
        check_writes(writes)
        encoded = encode_writes(writes)
        with self._connections.write() as db:
            now = self._clock.now()
            before = [_check(db, write, now) for write in writes]
            (number,) = db.execute("UPDATE commits SET number = number + 1 RETURNING number").fetchone()
            for write, old, new in zip(writes, before, encoded, strict=True):
                _apply(db, write.key, old, new, number)
        return tuple(None if new is None else str(number) for new in encoded)

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
        start = None if after is None else place(after.data, after.key, order_by)
        now = self._clock.now()
        statement, values, ordered = search(collection, where, order_by, start)
        with self._connections.read() as db, closing(db.execute(statement, values)) as cursor:
            found = (
                (stands, document)
                for document in map(_document, cursor)
                if (stands := place(document.data, document.key, order_by)) is not None
                and (start is None or stands > start)
                and not expired(document.data, now)
                and meets(document.data, where)
            )
            first = list(islice(found, limit)) if ordered else heapq.nsmallest(limit, found, key=itemgetter(0))
        return [document for _, document in first]

    def purge(self, now: datetime) -> int:
        """Delete what has expired by `now` and return how many documents that were."""
        with self._connections.write() as db:
            gone = db.execute(_EXPIRED, (EXPIRES, Kind.NUMBER, now.timestamp())).fetchall()
            for key, data in gone:
                _apply(db, key, decode(data), None, 0)
        return len(gone)


def _document(row: tuple[str, int, bytes]) -> Document:
    return Document(row[0], decode(row[2]), str(row[1]))


def _check(db: sqlite3.Connection, write: Put | Delete, now: datetime) -> dict[str, Any] | None:
    """The data to be replaced, expired data included; raises Conflict if the write's condition fails."""
    row = db.execute("SELECT version, data FROM documents WHERE key = ?", (write.key,)).fetchone()
    data = None if row is None else decode(row[1])
    absent = data is None or expired(data, now)
    if write.if_version != (None if absent else str(row[0])):
        raise Conflict("The document has changed meanwhile")
    return data


def _apply(db: sqlite3.Connection, key: str, old: Mapping[str, Any] | None, new: bytes | None, number: int) -> None:
    if new is None:
        db.execute("DELETE FROM documents WHERE key = ?", (key,))
    else:
        db.execute("REPLACE INTO documents (key, version, data) VALUES (?, ?, ?)", (key, number, new))
    was, will = _fields(old or {}), _fields(decode(new) if new else {})
    collection = key.partition("/")[0]
    # Most writes change a few values of many: only those rows are touched.
    db.executemany(
        "DELETE FROM fields WHERE collection = ? AND field = ? AND kind = ? AND value = ? AND key = ?",
        [(collection, *field, key) for field in was - will],
    )
    db.executemany("INSERT INTO fields VALUES (?, ?, ?, ?, ?)", [(collection, *field, key) for field in will - was])


def _fields(data: Mapping[str, Any]) -> set[Field]:
    return {(name, kind, value) for name, value in data.items() if (kind := kind_of(value)) is not None}
