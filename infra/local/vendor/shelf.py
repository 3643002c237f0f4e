"""Where the meetings lie: one SQLite file, in which every acknowledged write is (https://sqlite.org/wal.html)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from infra.local.vendor.desired import DESIRED, Desired

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meetings (
    id TEXT PRIMARY KEY, key TEXT UNIQUE, state BLOB NOT NULL, version INTEGER NOT NULL, secret TEXT NOT NULL,
    passcode TEXT NOT NULL, created TEXT NOT NULL, updated TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS pushes (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, meeting TEXT NOT NULL, version TEXT, due REAL NOT NULL,
    attempts INTEGER NOT NULL
) STRICT;
"""


class Kept(msgspec.Struct, frozen=True):
    """A meeting as kept; `secret` is the part of its join URL that nobody can guess."""

    id: str
    key: str | None
    state: Desired
    version: int
    secret: str
    passcode: str
    created: datetime
    updated: datetime


class Push(msgspec.Struct, frozen=True):
    """A webhook to deliver; `due` in seconds since the epoch, `version` None when the meeting is gone."""

    id: str
    kind: str
    meeting: str
    version: str | None
    due: float
    attempts: int = 0


class Shelf:
    """Meetings and undelivered webhooks; survives the death of its process at any moment. Not thread-safe."""

    def __init__(self, path: Path | None = None) -> None:
        """Open the file, or keep all in memory when there is none."""
        self._db = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")  # a killed process loses nothing; only a power cut might
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """All writes inside are kept, or none."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def clear(self) -> None:
        """Forget everything."""
        self._db.execute("DELETE FROM meetings")
        self._db.execute("DELETE FROM pushes")

    def put(self, meeting: Kept) -> None:
        """Keep the meeting as it is now."""
        row = (
            meeting.id,
            meeting.key,
            msgspec.json.encode(meeting.state),
            meeting.version,
            meeting.secret,
            meeting.passcode,
            meeting.created.isoformat(),
            meeting.updated.isoformat(),
        )
        self._db.execute("INSERT OR REPLACE INTO meetings VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def remove(self, meeting_id: str) -> None:
        """Forget the meeting."""
        self._db.execute("DELETE FROM meetings WHERE id = ?", (meeting_id,))

    def by_id(self, meeting_id: str) -> Kept | None:
        """The meeting, if it lives."""
        return next(self._meetings("WHERE id = ?", meeting_id), None)

    def by_key(self, key: str) -> Kept | None:
        """The live meeting made with this key."""
        return next(self._meetings("WHERE key = ?", key), None)

    def after(self, meeting_id: str, limit: int) -> list[Kept]:
        """At most `limit` meetings in the order of their ids, from behind `meeting_id` on."""
        return list(self._meetings("WHERE id > ? ORDER BY id LIMIT ?", meeting_id, limit))

    def newest(self, limit: int) -> list[Kept]:
        """The meetings that changed last, newest first."""
        return list(self._meetings("ORDER BY updated DESC, id LIMIT ?", limit))

    def put_push(self, push: Push) -> None:
        """Keep the webhook until it is delivered or given up."""
        row = (push.id, push.kind, push.meeting, push.version, push.due, push.attempts)
        self._db.execute("INSERT OR REPLACE INTO pushes VALUES (?, ?, ?, ?, ?, ?)", row)

    def remove_push(self, push_id: str) -> None:
        """Forget the webhook."""
        self._db.execute("DELETE FROM pushes WHERE id = ?", (push_id,))

    def pushes(self, due: float) -> list[Push]:
        """The webhooks due by then, oldest first."""
        rows = self._db.execute("SELECT * FROM pushes WHERE due <= ? ORDER BY due, id", (due,))
        return [Push(*row) for row in rows.fetchall()]

    def next_due(self) -> float | None:
        """When the next webhook is due."""
        found: float | None = self._db.execute("SELECT min(due) FROM pushes").fetchone()[0]
        return found

    def _meetings(self, rest: str, *values: str | int) -> Iterator[Kept]:
        # `rest` is one of the constants above, never anything from outside.
        rows = self._db.execute(f"SELECT * FROM meetings {rest}", values)  # noqa: S608 - see above
        for row in rows.fetchall():
            yield _kept(row)


def _kept(row: tuple[Any, ...]) -> Kept:
    meeting_id, key, state, version, secret, passcode, *times = row
    created, updated = map(datetime.fromisoformat, times)
    read = DESIRED.decode(state)
    return Kept(meeting_id, key, read, version, secret, passcode, created, updated)
