"""The Queue in one SQLite file, durable, shared by processes; the port is functions.ports.Queue.

A task is waiting (no owner), held (owned by a dispatcher that is making the call), or failed (given up, kept for a
person to look at). A held task whose dispatcher is no more waits again, so each is run at least once.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from functions.ports import Clock, Task
from infra.local.held import Counts, Failed, Held
from infra.local.sqlite import Connections
from infra.tasks import NAMES_KEPT, check_name, decode_body, encode_body, moment

FAILED_KEPT = timedelta(days=30)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, function TEXT NOT NULL, body BLOB NOT NULL, name TEXT,
    due REAL NOT NULL, added REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, responses INTEGER NOT NULL DEFAULT 0,
    last_status INTEGER, first_try REAL, owner TEXT, held_until REAL, trace TEXT
);
CREATE INDEX IF NOT EXISTS tasks_by_due ON tasks (owner, due);
CREATE TABLE IF NOT EXISTS names (name TEXT PRIMARY KEY, free_at REAL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS names_by_end ON names (free_at);
CREATE TABLE IF NOT EXISTS failed (
    id INTEGER PRIMARY KEY, function TEXT NOT NULL, body BLOB NOT NULL, name TEXT,
    attempts INTEGER NOT NULL, last_status INTEGER, at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS failed_by_time ON failed (at);
"""
_ANY_DUE = "SELECT 1 FROM tasks WHERE owner IS NULL AND due <= ? LIMIT 1"
_DUE = """
SELECT id, function, body, name, due, added, attempts, responses, last_status, first_try, trace
FROM tasks WHERE owner IS NULL AND due <= ? ORDER BY due, id LIMIT ?
"""
_DONE = "DELETE FROM tasks WHERE id = ? AND owner = ? AND attempts = ?"
_AGAIN = """
UPDATE tasks SET owner = NULL, held_until = NULL, due = ?, attempts = attempts + 1, last_status = ?,
    responses = responses + ?, first_try = coalesce(first_try, ?)
WHERE id = ? AND owner = ? AND attempts = ?
"""
_PARK = """
INSERT INTO failed SELECT id, function, body, name, attempts + 1, ?, ? FROM tasks
WHERE id = ? AND owner = ? AND attempts = ?
"""
_ANY_LAPSED = "SELECT 1 FROM tasks WHERE owner IS NOT NULL AND owner <> ? AND held_until <= ? LIMIT 1"
_RELEASE_LAPSED = """
UPDATE tasks SET owner = NULL, held_until = NULL WHERE owner IS NOT NULL AND owner <> ? AND held_until <= ?
"""
_FAILED = """
SELECT id, function, body, name, attempts, last_status, at FROM failed ORDER BY at DESC, id DESC LIMIT ?
"""
_REVIVE = """
INSERT INTO tasks (id, function, body, name, due, added)
SELECT id, function, body, name, ?, ? FROM failed WHERE id = ?
"""
_TAKE_NAME = """
INSERT INTO names (name) VALUES (?1) ON CONFLICT (name) DO UPDATE SET free_at = NULL WHERE free_at <= ?2
"""
_COUNTS = """
SELECT count(*) FILTER (WHERE owner IS NULL AND due > ?1), count(*) FILTER (WHERE owner IS NULL AND due <= ?1),
    count(owner), (SELECT count(*) FROM failed) FROM tasks
"""


class SqliteQueue:
    """The Queue in the file at `path`; close it when the process is done with it.

    A name is refused while its task is open and for `names_kept` after it ended.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        names_kept: timedelta = NAMES_KEPT,
        patience: timedelta = timedelta(seconds=5),
    ) -> None:
        self.path = path
        self._clock = clock
        self._names_kept = names_kept
        self._connections = Connections(path, _SCHEMA, patience)
        self._bring_up_to_date()
        self._listeners: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the file; calls after that raise Later."""
        self._connections.close()

    def _bring_up_to_date(self) -> None:
        """Give a file of an earlier version the column that it lacks."""
        with self._connections.read() as db:
            if _has_traces(db):
                return
        with self._connections.write() as db:
            if not _has_traces(db):  # another process may have been quicker
                db.execute("ALTER TABLE tasks ADD COLUMN trace TEXT")

    # ---- For those who have work ----------------------------------------------------------------

    def add(self, task: Task, *, name: str | None = None, at: datetime | None = None) -> bool:
        """Take the task; False if its name is open or was used within the last 24 hours."""
        check_name(name)
        body = encode_body(task)
        now = self._clock.now()
        due = moment(at, now)
        with self._connections.write() as db:
            if name is not None and not _take_name(db, name, now):
                return False
            db.execute(
                "INSERT INTO tasks (function, body, name, due, added, trace) VALUES (?, ?, ?, ?, ?, ?)",
                (task.function, body, name, due.timestamp(), now.timestamp(), task.trace),
            )
        self._tell()
        return True

    def on_add(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each task that this process adds; the answer, when called, ends that."""
        with self._lock:
            self._listeners.append(listener)

        def end() -> None:
            with self._lock:
                self._listeners.remove(listener)

        return end

    def counts(self) -> Counts:
        """How many tasks wait, are due, are held, and have failed."""
        with self._connections.read() as db:
            row = db.execute(_COUNTS, (self._clock.now().timestamp(),)).fetchone()
        return Counts(*row)

    def next_due(self) -> datetime | None:
        """When the first waiting task is or was due; None if none waits."""
        with self._connections.read() as db:
            (due,) = db.execute("SELECT min(due) FROM tasks WHERE owner IS NULL").fetchone()
        return None if due is None else _instant(due)

    # ---- For dispatchers ------------------------------------------------------------------------

    def claim(self, owner: str, limit: int, hold: timedelta) -> list[Held]:
        """Take up to `limit` due tasks, the longest due first; after `hold` other dispatchers may take them."""
        now = self._clock.now()
        with self._connections.read() as db:  # asked ten times a second: without work, without the write lock
            if db.execute(_ANY_DUE, (now.timestamp(),)).fetchone() is None:
                return []
        with self._connections.write() as db:
            rows = db.execute(_DUE, (now.timestamp(), limit)).fetchall()
            claims = [(owner, (now + hold).timestamp(), row[0]) for row in rows]
            db.executemany("UPDATE tasks SET owner = ?, held_until = ? WHERE id = ?", claims)
        return [_held(row) for row in rows]

    def done(self, held: Held, owner: str) -> None:
        """Forget the task, its name excepted; without effect if `owner` holds it no more."""
        with self._connections.write() as db:
            if db.execute(_DONE, (held.id, owner, held.attempts)).rowcount:
                self._free_later(db, held.name)

    def again(self, held: Held, owner: str, at: datetime, status: int | None = None) -> None:
        """Run the task again at `at`, its attempt having ended with `status` (None: without an answer)."""
        now = self._clock.now().timestamp()
        with self._connections.write() as db:
            answered = status is not None
            db.execute(_AGAIN, (at.timestamp(), status, answered, now, held.id, owner, held.attempts))

    def give_up(self, held: Held, owner: str, status: int | None = None) -> None:
        """Park the task among the failed, its last attempt having ended with `status`; they are kept for 30 days."""
        now = self._clock.now()
        with self._connections.write() as db:
            moved = db.execute(_PARK, (status, now.timestamp(), held.id, owner, held.attempts))
            if moved.rowcount:
                db.execute("DELETE FROM tasks WHERE id = ?", (held.id,))
                self._free_later(db, held.name)
            db.execute("DELETE FROM failed WHERE at <= ?", ((now - FAILED_KEPT).timestamp(),))

    def owners(self) -> set[str]:
        """The dispatchers that hold tasks."""
        with self._connections.read() as db:
            return {owner for (owner,) in db.execute("SELECT DISTINCT owner FROM tasks WHERE owner IS NOT NULL")}

    def release(self, owner: str) -> None:
        """Let every task that `owner` holds wait again: it will not say what became of them."""
        with self._connections.write() as db:
            db.execute("UPDATE tasks SET owner = NULL, held_until = NULL WHERE owner = ?", (owner,))

    def release_lapsed(self, but: str) -> None:
        """Let tasks wait again that are held for longer than their dispatcher wanted, unless that is `but`."""
        now = self._clock.now().timestamp()
        with self._connections.read() as db:
            if db.execute(_ANY_LAPSED, (but, now)).fetchone() is None:
                return
        with self._connections.write() as db:
            db.execute(_RELEASE_LAPSED, (but, now))

    # ---- For the operator -----------------------------------------------------------------------

    def failed(self, limit: int = 100) -> list[Failed]:
        """The tasks given up, the latest first."""
        with self._connections.read() as db:
            rows = db.execute(_FAILED, (limit,)).fetchall()
        return [Failed(r[0], Task(r[1], decode_body(r[2])), r[3], r[4], r[5], _instant(r[6])) for r in rows]

    def revive(self, failed: int) -> bool:
        """Run a failed task anew, with all its attempts before it; False if there is none with this id."""
        now = self._clock.now().timestamp()
        with self._connections.write() as db:
            moved = db.execute(_REVIVE, (now, now, failed)).rowcount
            db.execute("UPDATE names SET free_at = NULL WHERE name = (SELECT name FROM failed WHERE id = ?)", (failed,))
            db.execute("DELETE FROM failed WHERE id = ?", (failed,))
        self._tell()
        return bool(moved)

    def _tell(self) -> None:
        with self._lock:
            listeners = [*self._listeners]
        for listener in listeners:
            listener()

    def _free_later(self, db: sqlite3.Connection, name: str | None) -> None:
        now = self._clock.now()
        if name is not None:
            db.execute("UPDATE names SET free_at = ? WHERE name = ?", ((now + self._names_kept).timestamp(), name))
        # A few at a time, so that no single task pays for all the names of yesterday.
        db.execute(
            "DELETE FROM names WHERE name IN (SELECT name FROM names WHERE free_at <= ? LIMIT 10)", (now.timestamp(),)
        )


def _has_traces(db: sqlite3.Connection) -> bool:
    return "trace" in {name for _, name, *_ in db.execute("PRAGMA table_info(tasks)")}


def _take_name(db: sqlite3.Connection, name: str, now: datetime) -> bool:
    return bool(db.execute(_TAKE_NAME, (name, now.timestamp())).rowcount)


def _held(row: tuple[Any, ...]) -> Held:
    number, function, body, name, due, added, attempts, responses, status, first, trace = row
    return Held(
        number,
        Task(function, decode_body(body), trace=trace),
        name,
        at=_instant(due),
        added=_instant(added),
        attempts=attempts,
        responses=responses,
        last_status=status,
        first_try=None if first is None else _instant(first),
    )


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
