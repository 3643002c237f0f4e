"""Connections to one SQLite file, shared by threads and processes; https://www.sqlite.org/wal.html.

The journal is a write-ahead log, so that readers never wait for the writer. `synchronous` is NORMAL: a commit is in the
operating system's hands when it returns, so a killed process loses nothing; only a power cut may take the newest
commits back, whole ones and newest first, and what was decided on them is decided again by the next sweep. FULL would
pay for that case with a disk flush per commit.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from conference.errors import Later, OutcomeUnknown, Where

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class Connections:
    """A pool of connections to the file at `path`, made with `schema` (statements that may be repeated) if it is new.

    Whoever finds the file locked for longer than `patience` gets Later.
    """

    def __init__(self, path: Path, schema: str, patience: timedelta = timedelta(seconds=5)) -> None:
        self._path = path
        self._patience = patience.total_seconds()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        self._lock = threading.Lock()
        self._writer = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        with self._borrow() as connection:
            self._prepare(connection, schema)

    def close(self) -> None:
        """Close every connection: idle ones now, those in use when they come back. Later use raises Later."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection for one statement that reads; each statement sees one state of the file."""
        with self._borrow() as connection, _translated("read"):
            yield connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A connection holding the file's only write lock; committed at the end, rolled back on any exception.

        Raises Later if the lock could not be had or a statement failed, OutcomeUnknown if the commit itself failed.
        """
        with self._turn(), self._borrow() as connection:
            with _translated("begin"):
                connection.execute("BEGIN IMMEDIATE")
            try:
                with _translated("write"):
                    yield connection
            except BaseException:
                connection.rollback()
                raise
            _commit(connection)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        # SQLite waits for its lock by sleeping ever longer; threads of one process need not.
        if not self._writer.acquire(timeout=self._patience):
            raise Later("The local store is busy", Where("sqlite", "begin"))
        try:
            yield
        finally:
            self._writer.release()

    @contextmanager
    def _borrow(self) -> Iterator[sqlite3.Connection]:
        connection = self._take()
        try:
            yield connection
        finally:
            self._give_back(connection)

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise Later("The local store is closed")
            if self._idle:
                return self._idle.pop()
        return self._open()

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            # A connection that is still inside a transaction could not be rolled back and must not be used again.
            fit = not self._closed and not connection.in_transaction
            if fit:
                self._idle.append(connection)
        if not fit:
            connection.close()

    def _open(self) -> sqlite3.Connection:
        # One thread at a time holds a connection, but not always the one that opened it.
        connection = sqlite3.connect(self._path, timeout=self._patience, isolation_level=None, check_same_thread=False)
        try:
            with _translated("open"):
                connection.execute("PRAGMA synchronous=NORMAL")
        except Later:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection, schema: str) -> None:
        # Several processes may do this at once, and SQLite does not wait by itself while the journal mode changes.
        until = time.monotonic() + self._patience
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL").fetchall()
                connection.executescript(schema)
            except sqlite3.Error as error:
                if getattr(error, "sqlite_errorcode", None) not in _BUSY or time.monotonic() > until:
                    raise Later("The local store cannot be opened", _where("open", error)) from error
                time.sleep(0.01)
            else:
                return


@contextmanager
def _translated(operation: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise Later("The local store did not answer", _where(operation, error)) from error


def _commit(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        where = _where("commit", error)
        connection.rollback()
        if getattr(error, "sqlite_errorcode", None) in _BUSY:
            raise Later("The local store is busy", where) from error
        raise OutcomeUnknown("The local store did not confirm the commit", where) from error


def _where(operation: str, error: sqlite3.Error) -> Where:
    return Where("sqlite", operation, reason=getattr(error, "sqlite_errorname", type(error).__name__))
