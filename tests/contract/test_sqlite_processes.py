"""SqliteStore among several processes, some of which are killed; https://www.sqlite.org/atomiccommit.html."""

from __future__ import annotations

import sqlite3
import subprocess
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from conference.errors import Later
from functions.ports import Put, Where
from infra.local.memory import ManualClock
from infra.local.sqlite_search import search
from infra.local.sqlite_store import SqliteStore
from tests.contract.grounds import NOON
from tests.contract.programs import process


def told(child: subprocess.Popen[str], at_least: int) -> None:
    """Wait until the writer has told of so many commits."""
    assert child.stdout is not None
    for line in child.stdout:
        if int(line) >= at_least:
            return
    raise AssertionError("the writer ended by itself")


def last_told(child: subprocess.Popen[str]) -> int:
    """The last commit that a killed writer has told of; a line cut short is none."""
    assert child.stdout is not None
    lines = child.stdout.read().split("\n")[:-1]
    return int(lines[-1]) if lines else 0


@pytest.mark.parametrize("commits", [1, 7, 40])
def test_a_killed_writer_leaves_whole_commits(tmp_path: Path, commits: int) -> None:
    """After kill -9 in the middle every commit is there whole or not at all, and none that was confirmed is missing."""
    path = tmp_path / "documents.db"
    with process("dying_writer.py", str(path), "w1") as one, process("dying_writer.py", str(path), "w2") as two:
        children = {"w1": one, "w2": two}
        for child in children.values():
            told(child, commits)
        for child in children.values():
            child.kill()
        confirmed = {name: max(commits, last_told(child)) for name, child in children.items()}

    with closing(SqliteStore(path, ManualClock(NOON))) as store:
        for name, known in confirmed.items():
            numbers = [d.data["n"] for d in store.query("pairs") if d.key.startswith(f"pairs/{name}")]
            own = store.query("own", [Where("writer", "==", name)], limit=1_000_000)
            assert len(set(numbers)) == 1
            assert known <= numbers[0] <= known + 1
            assert len(own) == 20 * numbers[0]
            assert len(store.query("own", [Where("writer", "==", name)], order_by="n", limit=1_000_000)) == len(own)
        assert store.commit(Put("pairs/after", {}, None))


def test_processes_add_up(tmp_path: Path) -> None:
    """Three processes that increment one counter from the moment the file does not exist lose nothing."""
    path = tmp_path / "documents.db"
    with (
        process("adding_process.py", str(path), "40") as one,
        process("adding_process.py", str(path), "40") as two,
        process("adding_process.py", str(path), "40") as three,
    ):
        assert [child.wait(60) for child in (one, two, three)] == [0, 0, 0]

    with closing(SqliteStore(path, ManualClock(NOON))) as store:
        document = store.get("counters/a")
        assert document is not None
        assert document.data == {"n": 120}


def test_a_file_locked_for_too_long_is_later(tmp_path: Path) -> None:
    """A writer that waits for another process in vain gets Later, has written nothing, and succeeds afterwards."""
    path = tmp_path / "documents.db"
    with closing(SqliteStore(path, ManualClock(NOON), patience=timedelta(milliseconds=50))) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Later):
                store.commit(Put("feeds/a", {}, None))
            assert store.get("feeds/a") is None
            other.execute("ROLLBACK")

        assert store.commit(Put("feeds/a", {}, None))


def test_a_file_that_cannot_be_read_is_later(tmp_path: Path) -> None:
    """A damaged file is told in our own words, without its path or content."""
    path = tmp_path / "documents.db"
    path.write_bytes(b"this is no database, title: Secret takeover" * 100)

    with pytest.raises(Later) as caught:
        SqliteStore(path, ManualClock(NOON))

    assert "Secret" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_a_closed_store_is_later(tmp_path: Path) -> None:
    """What comes in while the process ends is to be repeated."""
    store = SqliteStore(tmp_path / "documents.db", ManualClock(NOON))
    store.close()
    store.close()

    with pytest.raises(Later):
        store.get("feeds/a")
    with pytest.raises(Later):
        store.commit(Put("feeds/a", {}, None))


def test_closing_waits_for_nobody_and_leaves_nothing_open(tmp_path: Path) -> None:
    """Threads that read and write while the store is closed end in Later, and no connection stays open."""
    store = SqliteStore(tmp_path / "documents.db", ManualClock(NOON))
    inside = threading.Barrier(5)
    ended: list[str] = []

    def work(name: int) -> None:
        inside.wait()
        try:
            for n in range(100_000):
                store.commit(Put(f"feeds/{name}-{n}", {}, None))
                store.query("feeds", limit=1)
        except Later as error:
            ended.append(type(error).__name__)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    inside.wait()
    store.close()
    for thread in threads:
        thread.join()

    assert ended == ["Later"] * 4


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Other users of the machine can read neither the documents nor the journal."""
    with closing(SqliteStore(tmp_path / "state" / "documents.db", ManualClock(NOON))) as store:
        store.commit(Put("feeds/a", {}, None))

        assert {file.stat().st_mode & 0o077 for file in (tmp_path / "state").iterdir()} == {0}


def test_queries_walk_along_an_index(tmp_path: Path) -> None:
    """None of the flow's queries reads all documents, nor sorts what it reads along an ordered field."""
    path = tmp_path / "documents.db"
    due = Where("due", "<=", 1.0)
    queries = [
        ([due], "due", None),
        ([due], "due", (1, 0.5, "ledger/a")),
        ([Where("feed", "==", "f")], None, None),
        ([Where("feed", "==", "f"), due], "due", None),
        ([], "due", None),
        ([], None, (0, 0, "ledger/a")),
        ([due], None, None),
    ]
    with closing(SqliteStore(path, ManualClock(NOON))), closing(sqlite3.connect(path)) as db:
        for where, order_by, start in queries:
            statement, values, _ = search("ledger", where, order_by, start)
            plan = " | ".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}", values))
            assert "SCAN" not in plan
            assert "TEMP B-TREE" not in plan
