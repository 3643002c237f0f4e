"""Small parts of the local ground: clocks, the connection to a SQLite file, secret files, signs of life."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conference.errors import Later, OutcomeUnknown
from infra.local.alive import Alive
from infra.local.clock import ShiftedClock, SystemClock
from infra.local.memory import ManualClock
from infra.local.secret_file import secret_in
from infra.local.sqlite import Connections

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FAMILY = """
CREATE TABLE IF NOT EXISTS parents (id INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS children (parent REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED);
"""
MANY = """
INSERT INTO parents WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n LIMIT 10000) SELECT id FROM n
"""


# ---- Clocks -------------------------------------------------------------------------------------


def test_the_system_clock_is_aware_and_utc() -> None:
    """It tells the machine's time in UTC."""
    now = SystemClock().now()

    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_shifted_clock_goes_on_from_where_it_was_put() -> None:
    """The offset adds up, forward and back, and the time still flows."""
    clock = ShiftedClock(timedelta(days=1))
    before = clock.now()
    shown = clock.advance(timedelta(hours=3))
    clock.advance(timedelta(hours=-1))

    assert clock.offset == timedelta(days=1, hours=2)
    assert timedelta(hours=3) <= shown - before < timedelta(hours=3, minutes=1)
    assert timedelta(days=1, hours=2) <= clock.now() - SystemClock().now() + timedelta(seconds=1)


def test_no_advance_is_lost() -> None:
    """Threads that put the clock forward together add up."""
    clock = ShiftedClock()

    def advance() -> None:
        for _ in range(1000):
            clock.advance(timedelta(seconds=1))

    threads = [threading.Thread(target=advance) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert clock.offset == timedelta(seconds=4000)


def test_a_manual_clock_stands_still() -> None:
    """It shows what it was told, also an earlier instant, and takes none without a zone."""
    clock = ManualClock(NOON)
    assert clock.now() == clock.now() == NOON
    assert clock.advance(timedelta(hours=1)) == clock.now() == NOON + timedelta(hours=1)
    clock.set(NOON - timedelta(days=1))
    assert clock.now() == NOON - timedelta(days=1)

    with pytest.raises(ValueError, match="aware"):
        clock.set(NOON.replace(tzinfo=None))


# ---- The connection to a SQLite file ------------------------------------------------------------


def write(file: Connections, *statements: str, end: Exception | None = None) -> None:
    """One transaction of these statements, ended by an exception if there is one."""
    with file.write() as db:
        for statement in statements:
            db.execute(statement)
        if end:
            raise end


def parents(file: Connections) -> list[int]:
    """What has been written."""
    with file.read() as db:
        return [number for (number,) in db.execute("SELECT id FROM parents ORDER BY id")]


def test_an_exception_takes_the_writes_back(tmp_path: Path) -> None:
    """What was written before it is not there, and the connection is fit for the next writer."""
    with closing(Connections(tmp_path / "a.db", FAMILY)) as file:
        with pytest.raises(KeyError):
            write(file, "INSERT INTO parents VALUES (1)", end=KeyError())
        write(file, "INSERT INTO parents VALUES (2)")

        assert parents(file) == [2]


def test_a_failed_commit_is_an_unknown_outcome(tmp_path: Path) -> None:
    """When the commit itself fails nobody is told that nothing was written; the next writer succeeds."""
    with closing(Connections(tmp_path / "a.db", FAMILY)) as file:
        with file.read() as db:
            db.execute("PRAGMA foreign_keys = ON")  # the one idle connection keeps the setting
        with pytest.raises(OutcomeUnknown, match="commit SQLITE_CONSTRAINT"):
            write(file, "INSERT INTO children VALUES (7)")
        write(file, "INSERT INTO parents VALUES (1)")

        assert parents(file) == [1]


def test_a_full_disk_is_later(tmp_path: Path) -> None:
    """A write that finds no room has written nothing, and says so."""
    with closing(Connections(tmp_path / "a.db", FAMILY)) as file:
        with pytest.raises(Later, match="SQLITE_FULL"):
            write(file, "PRAGMA max_page_count = 4", MANY)

        assert parents(file) == []


def test_a_writer_of_the_same_process_waits_its_turn(tmp_path: Path) -> None:
    """For as long as it is patient; then it is Later, and nothing was written."""
    with closing(Connections(tmp_path / "a.db", FAMILY, patience=timedelta(milliseconds=20))) as file:
        with file.write(), pytest.raises(Later, match="busy"):
            write(file, "INSERT INTO parents VALUES (1)")

        assert parents(file) == []


def test_a_file_that_stays_locked_cannot_be_opened(tmp_path: Path) -> None:
    """A first start beside a process that holds the file waits, and then says Later."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Later, match="SQLITE_BUSY"):
            Connections(path, FAMILY, patience=timedelta(milliseconds=30))
        other.execute("ROLLBACK")

    Connections(path, FAMILY).close()


def test_a_file_closed_during_a_write_is_written(tmp_path: Path) -> None:
    """The write in progress is done, and its connection closed after it."""
    path = tmp_path / "a.db"
    file = Connections(path, FAMILY)
    with file.write() as db:
        file.close()
        db.execute("INSERT INTO parents VALUES (1)")

    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        db.execute("SELECT 1")
    with closing(Connections(path, FAMILY)) as again:
        assert parents(again) == [1]


# ---- Secret files -------------------------------------------------------------------------------


def test_threads_that_start_together_agree_on_one_secret(tmp_path: Path) -> None:
    """The file is made once, whole, and nothing else is left beside it."""
    gate = threading.Barrier(8)
    secrets: list[bytes] = []

    def start(n: int) -> None:
        gate.wait()
        secrets.append(secret_in(tmp_path / "state" / "key", lambda: bytes([n]) * 32))

    threads = [threading.Thread(target=start, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(secrets)) == 1
    assert [file.name for file in (tmp_path / "state").iterdir()] == ["key"]


# ---- Signs of life ------------------------------------------------------------------------------


def test_the_living_are_not_buried(tmp_path: Path) -> None:
    """While an instance lives nobody takes it for dead, itself included; afterwards everybody does."""
    one, two = Alive(tmp_path, "one"), Alive(tmp_path, "two")

    assert [two.bury("one"), two.bury("two"), two.bury("never heard of")] == [False, False, True]
    one.close()
    assert two.bury("one")
    two.close()
    assert list(tmp_path.iterdir()) == []


def test_a_name_lives_once(tmp_path: Path) -> None:
    """A second instance of the same name is refused, and may come when the first is gone."""
    first = Alive(tmp_path, "one")
    with pytest.raises(ValueError, match="already"):
        Alive(tmp_path, "one")
    first.close()

    Alive(tmp_path, "one").close()
