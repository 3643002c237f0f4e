"""The queues and tasks in one SQLite file: what the server was told is there after kill -9.

Times are whole microseconds, as the service keeps them. One process has the file; calls that a killed one was making
are made again by the next. https://www.sqlite.org/wal.html
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from google.cloud import tasks_v2
from google.rpc import status_pb2

from infra.local.cloudtasks.flight import Flight, Landing
from infra.local.cloudtasks.limits import RETENTION
from infra.local.cloudtasks.names import split_task

_SCHEMA = """
CREATE TABLE IF NOT EXISTS queues (name TEXT PRIMARY KEY, message BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS resting (name TEXT PRIMARY KEY, free_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tasks (
    queue TEXT NOT NULL, id TEXT NOT NULL, message BLOB NOT NULL, due INTEGER NOT NULL, created INTEGER NOT NULL,
    flying INTEGER NOT NULL DEFAULT 0, dispatches INTEGER NOT NULL DEFAULT 0, responses INTEGER NOT NULL DEFAULT 0,
    executions INTEGER NOT NULL DEFAULT 0, last_status INTEGER, last_code INTEGER, reason TEXT,
    first_at INTEGER, scheduled INTEGER, dispatched INTEGER, answered INTEGER,
    PRIMARY KEY (queue, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tasks_by_due ON tasks (queue, flying, due);
CREATE INDEX IF NOT EXISTS tasks_by_age ON tasks (created);
CREATE TABLE IF NOT EXISTS names (
    queue TEXT NOT NULL, id TEXT NOT NULL, free_at INTEGER NOT NULL, PRIMARY KEY (queue, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS names_by_end ON names (free_at);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value REAL NOT NULL) WITHOUT ROWID;
"""
_COLUMNS = """id, message, due, created, flying, dispatches, responses, executions, last_status, last_code, reason,
    first_at, scheduled, dispatched, answered"""
_CLAIM = f"""
UPDATE tasks SET dispatches = dispatches + 1, flying = dispatches + 1, first_at = coalesce(first_at, ?1),
    scheduled = due, dispatched = ?1, answered = NULL
WHERE queue = ?2 AND id = ?3 RETURNING {_COLUMNS}
"""  # noqa: S608 - our own words
_ANY_DUE = "SELECT 1 FROM tasks WHERE queue = ? AND flying = 0 AND due <= ? LIMIT 1"
_DUE = "SELECT id FROM tasks WHERE queue = ? AND flying = 0 AND due <= ? ORDER BY due LIMIT ?"
_DUE_SHUFFLED = "SELECT id FROM tasks WHERE queue = ? AND flying = 0 AND due <= ? ORDER BY random() LIMIT ?"
_LAND = """
UPDATE tasks SET flying = 0, due = ?, responses = responses + ?, executions = executions + ?, last_status = ?,
    last_code = ?, reason = ?, answered = ?
WHERE queue = ? AND id = ? AND created = ? AND flying = ?
"""
_END = "DELETE FROM tasks WHERE queue = ? AND id = ? AND created = ? AND flying = ?"
_COUNTS = """
SELECT count(*) FILTER (WHERE flying = 0 AND due > ?1), count(*) FILTER (WHERE flying = 0 AND due <= ?1),
    count(*) FILTER (WHERE flying > 0) FROM tasks
"""
DROPPED, AHEAD = "dropped", "ahead"
"""Facts: how many tasks were given up, and how many seconds the clock was put forward."""


class Book:
    """Queues and tasks in the file at `path`; names of tasks rest for `names_kept`, those of queues for `queues_rest`.

    Safe from any thread. Whoever calls says what time it is.
    """

    def __init__(
        self,
        path: Path,
        names_kept: timedelta = timedelta(hours=24),
        queues_rest: timedelta = timedelta(days=7),
    ) -> None:
        self._names_kept = names_kept
        self._queues_rest = queues_rest
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        # EXCLUSIVE: a second server on the same file would call everything twice.
        self._db = sqlite3.connect(path, timeout=1, isolation_level=None, check_same_thread=False)
        try:
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode=WAL").fetchall()
            # A killed process loses nothing; only a power cut may take the newest commits back.
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
            self._db.execute("UPDATE tasks SET flying = 0 WHERE flying > 0")
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    # ---- Queues ---------------------------------------------------------------------------------

    def queue(self, name: str) -> tasks_v2.Queue | None:
        """The queue, if there is one."""
        rows = self._read("SELECT message FROM queues WHERE name = ?", name)
        return tasks_v2.Queue.deserialize(rows[0][0]) if rows else None

    def queues(self, location: str = "", after: str = "", limit: int = -1) -> list[tasks_v2.Queue]:
        """Queues of a location (of all), by name, behind `after`."""
        prefix = f"{location}/queues/" if location else ""
        rows = self._read(
            "SELECT message FROM queues WHERE substr(name, 1, length(?)) = ? AND name > ? ORDER BY name LIMIT ?",
            *(prefix, prefix, after, limit),
        )
        return [tasks_v2.Queue.deserialize(message) for (message,) in rows]

    def put_queue(self, queue: tasks_v2.Queue) -> None:
        """Write the queue, new or changed."""
        with self._write() as db:
            _put_queue(db, queue)

    def add_queue(self, queue: tasks_v2.Queue, now: datetime) -> str | None:
        """Write a new queue; "exists" or "rests" if its name is not to be had."""
        with self._write() as db:
            if db.execute("SELECT 1 FROM queues WHERE name = ?", (queue.name,)).fetchone():
                return "exists"
            if db.execute("SELECT 1 FROM resting WHERE name = ? AND free_at > ?", (queue.name, micros(now))).fetchone():
                return "rests"
            _put_queue(db, queue)
        return None

    def delete_queue(self, name: str, now: datetime) -> bool:
        """Forget a queue and its tasks; its name rests. False if there is none."""
        with self._write() as db:
            if not db.execute("DELETE FROM queues WHERE name = ?", (name,)).rowcount:
                return False
            db.execute("DELETE FROM tasks WHERE queue = ?", (name,))
            db.execute("DELETE FROM names WHERE queue = ?", (name,))
            db.execute("REPLACE INTO resting VALUES (?, ?)", (name, micros(now + self._queues_rest)))
        return True

    def purge(self, queue: tasks_v2.Queue, now: datetime) -> None:
        """Delete every task of the queue, and note in it that this was done."""
        queue.purge_time = now
        with self._write() as db:
            db.execute(
                "REPLACE INTO names SELECT queue, id, ? FROM tasks WHERE queue = ?",
                (micros(now + self._names_kept), queue.name),
            )
            db.execute("DELETE FROM tasks WHERE queue = ?", (queue.name,))
            _put_queue(db, queue)

    # ---- Tasks ----------------------------------------------------------------------------------

    def add(self, task: tasks_v2.Task, now: datetime) -> str | None:
        """Keep a new task; "exists" if one of its name is there, "rests" if one was, "no queue" if there is none."""
        queue, number = split_task(task.name)
        with self._write() as db:
            if not db.execute("SELECT 1 FROM queues WHERE name = ?", (queue,)).fetchone():
                return "no queue"
            if _rests(db, queue, number, now):
                return "rests"
            found = db.execute(
                "INSERT INTO tasks (queue, id, message, due, created) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (queue, number, tasks_v2.Task.serialize(task), micros(task.schedule_time), micros(now)),
            )
            return None if found.rowcount else "exists"

    def task(self, name: str) -> tasks_v2.Task | None:
        """The task as it stands, if it does."""
        queue, number = split_task(name)
        rows = self._read(f"SELECT {_COLUMNS} FROM tasks WHERE queue = ? AND id = ?", queue, number)  # noqa: S608 - ours
        return _shown(rows[0]) if rows else None

    def tasks(self, queue: str, after: str, limit: int) -> list[tasks_v2.Task]:
        """Tasks of a queue, by id, behind the id `after`."""
        rows = self._read(
            f"SELECT {_COLUMNS} FROM tasks WHERE queue = ? AND id > ? ORDER BY id LIMIT ?",  # noqa: S608 - ours
            *(queue, after, limit),
        )
        return [_shown(row) for row in rows]

    def rests(self, name: str, now: datetime) -> bool:
        """Whether a task of this name was here lately."""
        queue, number = split_task(name)
        with self._lock:
            return _rests(self._db, queue, number, now)

    def delete(self, name: str, now: datetime) -> bool:
        """Forget the task; its name rests. False if there is none."""
        queue, number = split_task(name)
        with self._write() as db:
            deleted = db.execute("DELETE FROM tasks WHERE queue = ? AND id = ?", (queue, number)).rowcount
            if deleted:
                self._rest(db, queue, number, now)
        return bool(deleted)

    # ---- Calls ----------------------------------------------------------------------------------

    def claim(self, queue: str, limit: int, now: datetime, *, shuffled: bool = False) -> list[Flight]:
        """Send off up to `limit` tasks that are due, the longest due first or in no order at all."""
        if not self._read(_ANY_DUE, queue, micros(now)):  # asked often: without work, without a transaction
            return []
        with self._write() as db:
            due = db.execute(_DUE_SHUFFLED if shuffled else _DUE, (queue, micros(now), limit)).fetchall()
            rows = [db.execute(_CLAIM, (micros(now), queue, number)).fetchone() for (number,) in due]
        return [_flight(queue, row) for row in rows]

    def force(self, name: str, now: datetime) -> Flight | None:
        """Send a task off, due or not, even one that is on its way; None if there is none."""
        queue, number = split_task(name)
        with self._write() as db:
            row = db.execute(_CLAIM, (micros(now), queue, number)).fetchone()
        return _flight(queue, row) if row else None

    def done(self, flight: Flight, now: datetime) -> None:
        """The call was answered with success: the task is gone; without effect if this is not its latest call."""
        self._end(flight, now, dropped=0)

    def drop(self, flight: Flight, now: datetime) -> None:
        """The task is given up; without effect if this is not its latest call."""
        self._end(flight, now, dropped=1)

    def again(self, flight: Flight, landing: Landing, due: datetime, now: datetime) -> None:
        """The call failed, another one is due; without effect if this is not the task's latest call."""
        answered = landing.status is not None
        with self._write() as db:
            db.execute(
                _LAND,
                (
                    *(micros(due), answered, landing.executed, landing.status, landing.code, landing.reason),
                    micros(now) if answered else None,
                    *_of(flight),
                ),
            )

    def next_due(self, queue: str) -> datetime | None:
        """When the first task of the queue that is not on its way is or was due; None if there is none."""
        ((due,),) = self._read("SELECT min(due) FROM tasks WHERE queue = ? AND flying = 0", queue)
        return None if due is None else instant(due)

    def forget_old(self, now: datetime) -> None:
        """Drop the tasks that are older than any may become."""
        born = micros(now - RETENTION)
        if self._read("SELECT 1 FROM tasks WHERE created <= ? LIMIT 1", born):
            with self._write() as db:
                dropped = db.execute("DELETE FROM tasks WHERE created <= ?", (born,)).rowcount
                _count(db, dropped)

    def counts(self, now: datetime) -> dict[str, int]:
        """How many tasks wait for their time, are due, are on their way, and were ever given up."""
        ((waiting, due, running),) = self._read(_COUNTS, micros(now))
        return {"waiting": waiting, "due": due, "running": running, "failed": int(self.fact(DROPPED))}

    # ---- Facts ----------------------------------------------------------------------------------

    def fact(self, name: str) -> float:
        """A number that is kept; 0 if it never was."""
        rows = self._read("SELECT value FROM facts WHERE name = ?", name)
        return float(rows[0][0]) if rows else 0.0

    def keep_fact(self, name: str, value: float) -> None:
        """Keep a number."""
        with self._write() as db:
            db.execute("REPLACE INTO facts VALUES (?, ?)", (name, value))

    # ---- Within ---------------------------------------------------------------------------------

    def _end(self, flight: Flight, now: datetime, *, dropped: int) -> None:
        with self._write() as db:
            ended = db.execute(_END, _of(flight))
            if ended.rowcount:
                self._rest(db, flight.queue, flight.id, now)
                _count(db, dropped)

    def _rest(self, db: sqlite3.Connection, queue: str, number: str, now: datetime) -> None:
        db.execute("REPLACE INTO names VALUES (?, ?, ?)", (queue, number, micros(now + self._names_kept)))
        # A few at a time, so that no single call pays for all the names of yesterday.
        old = db.execute("SELECT queue, id FROM names WHERE free_at <= ? LIMIT 10", (micros(now),)).fetchall()
        db.executemany("DELETE FROM names WHERE queue = ? AND id = ?", old)

    def _read(self, statement: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._db.execute(statement, values).fetchall()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise


def micros(at: datetime) -> int:
    """Microseconds since the epoch, exactly."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def instant(micros: int) -> datetime:
    """The instant so many microseconds after the epoch."""
    return _EPOCH + timedelta(microseconds=micros)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _put_queue(db: sqlite3.Connection, queue: tasks_v2.Queue) -> None:
    db.execute("REPLACE INTO queues VALUES (?, ?)", (queue.name, tasks_v2.Queue.serialize(queue)))


def _rests(db: sqlite3.Connection, queue: str, number: str, now: datetime) -> bool:
    rests = "SELECT 1 FROM names WHERE queue = ? AND id = ? AND free_at > ?"
    return db.execute(rests, (queue, number, micros(now))).fetchone() is not None


def _count(db: sqlite3.Connection, dropped: int) -> None:
    if dropped:
        db.execute("INSERT INTO facts VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = value + ?2", (DROPPED, dropped))


def _of(flight: Flight) -> tuple[str, str, int, int]:
    # With its birth: a name may come back after a day, and a call of its former task be answered still later.
    return flight.queue, flight.id, micros(flight.created), flight.dispatch


def _flight(queue: str, row: tuple[Any, ...]) -> Flight:
    number, message, _, created, _, dispatches, responses, executions, status, _, reason, first, scheduled, *_ = row
    return Flight(
        queue,
        number,
        tasks_v2.Task.deserialize(message),
        dispatches,
        due=instant(scheduled),
        created=instant(created),
        first=instant(first),
        responses=responses,
        executions=executions,
        last_status=status,
        reason=reason,
    )


def _shown(row: tuple[Any, ...]) -> tasks_v2.Task:
    _, message, due, _, _, dispatches, responses, _, _, code, reason, first, scheduled, dispatched, answered = row
    task: tasks_v2.Task = tasks_v2.Task.deserialize(message)
    task.schedule_time = instant(due)
    task.dispatch_count, task.response_count = dispatches, responses
    if first is not None:
        task.first_attempt = tasks_v2.Attempt(dispatch_time=instant(first))
        task.last_attempt = tasks_v2.Attempt(schedule_time=instant(scheduled), dispatch_time=instant(dispatched))
    if answered is not None:
        task.last_attempt.response_time = instant(answered)
        task.last_attempt.response_status = status_pb2.Status(code=code, message=reason)
    return task
