"""The lives of dispatchers: begun, paused, stopped, killed, hung or locked out, one or two, they lose no task."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from conference.errors import Later
from functions.ports import Task
from infra.local.clock import SystemClock
from infra.local.dispatcher import Dispatcher
from infra.local.held import Counts
from infra.local.memory import ManualClock
from infra.local.queue_policy import QueuePolicy
from infra.local.sqlite_queue import SqliteQueue
from tests.contract.dispatcher.sending import QUICK, SYNC, Begin, settled
from tests.contract.grounds import NOON
from tests.contract.loopback import PATIENCE, Call, Receiver, until
from tests.contract.programs import process


@pytest.mark.parametrize("address", ["", "localhost:8080", "ftp://localhost", "file:///etc"])
def test_functions_stand_at_an_http_address(queue: SqliteQueue, clock: ManualClock, address: str) -> None:
    """A mistaken address is told at the start."""
    with pytest.raises(ValueError, match="http"):
        Dispatcher(queue, address, str, clock=clock)


def test_a_dispatcher_starts_once(begin: Begin, queue: SqliteQueue, receiver: Receiver, clock: ManualClock) -> None:
    """Neither a second start nor a second instance of the same name is possible."""
    dispatcher = begin(instance="one")

    with pytest.raises(RuntimeError):
        dispatcher.start()
    with pytest.raises(ValueError, match="lives"):
        Dispatcher(queue, receiver.address, str, clock=clock, instance="one").start()


def test_a_paused_dispatcher_begins_nothing(queue: SqliteQueue, receiver: Receiver, begin: Begin) -> None:
    """While one of two is paused the other does all the work; once it goes on it works again."""
    paused = begin(bearer=lambda _audience: "paused")
    paused.pause()
    other = begin(bearer=lambda _audience: "other")
    for _ in range(30):
        queue.add(SYNC)
    settled(queue, Counts())
    other.stop()
    queue.add(SYNC)

    paused.resume()

    *during, after = [call.headers["Authorization"] for call in receiver.wait_for(31)]
    assert set(during) == {"Bearer other"}
    assert after == "Bearer paused"


def test_two_dispatchers_share_the_work(queue: SqliteQueue, receiver: Receiver, begin: Begin) -> None:
    """Each task is called once, whichever of them does it."""
    begin()
    begin()
    for n in range(100):
        queue.add(Task("sync_calendar", {"n": n}))
    settled(queue, Counts())

    assert sorted(call.body["n"] for call in receiver.calls) == list(range(100))


def test_stopping_waits_for_what_runs(queue: SqliteQueue, receiver: Receiver, begin: Begin) -> None:
    """A call in progress ends, its task is done, and no other begins."""
    inside, go_on = threading.Event(), threading.Event()

    def answer(_call: Call) -> tuple[int, dict[str, str]]:
        inside.set()
        return (200, {}) if go_on.wait(PATIENCE) else (500, {})

    receiver.answer = answer
    dispatcher = begin(QueuePolicy(concurrent=1))
    queue.add(SYNC)
    queue.add(SYNC)
    assert inside.wait(PATIENCE)
    stopped: list[bool] = []
    stopper = threading.Thread(target=lambda: stopped.append(dispatcher.stop()))
    stopper.start()
    go_on.set()
    stopper.join()

    assert stopped == [True]
    assert queue.counts() == Counts(due=1)
    assert dispatcher.stop()
    assert len(receiver.calls) == 1


def test_stopping_does_not_wait_for_ever(queue: SqliteQueue, receiver: Receiver, begin: Begin) -> None:
    """A call that outlasts the patience is left, and its task is called again by the next dispatcher."""
    go_on = threading.Event()
    receiver.answer = lambda _call: (200, {}) if go_on.wait(PATIENCE) else (500, {})
    stuck = begin()
    queue.add(SYNC, name="f-7")
    receiver.wait_for(1)

    assert not stuck.stop(timedelta(milliseconds=50))
    assert queue.counts() == Counts(due=1)
    begin()
    first, second = receiver.wait_for(2)
    go_on.set()
    settled(queue, Counts())
    assert first.headers["X-CloudTasks-TaskName"] == second.headers["X-CloudTasks-TaskName"] == "f-7"


def test_what_a_killed_dispatcher_ran_is_called_again(
    tmp_path: Path, queue: SqliteQueue, receiver: Receiver, clock: ManualClock
) -> None:
    """After kill -9 in the middle of a call the next dispatcher makes it again at once, none before."""
    clock.set(SystemClock().now())
    over = threading.Event()

    def answer(_call: Call) -> tuple[int, dict[str, str]]:
        return (200, {}) if len(receiver.calls) > 1 or over.wait(PATIENCE) else (500, {})

    receiver.answer = answer
    queue.add(SYNC, name="f-7")
    with process("dying_dispatcher.py", str(tmp_path / "tasks.db"), receiver.address) as child:
        receiver.wait_for(1)
        with Dispatcher(queue, receiver.address, str, clock=clock, policy=QUICK):
            queue.add(Task("probe"))
            settled(queue, Counts(running=1))
        assert [call.function for call in receiver.calls] == ["sync_calendar", "probe"]

        child.kill()
        child.wait()
    with Dispatcher(queue, receiver.address, str, clock=clock, policy=QUICK):
        settled(queue, Counts())
    over.set()

    assert [call.headers["X-CloudTasks-TaskName"] for call in receiver.calls[2:]] == ["f-7"]
    assert not queue.add(SYNC, name="f-7")


def test_a_hung_dispatcher_loses_what_it_holds(queue: SqliteQueue, clock: ManualClock, receiver: Receiver) -> None:
    """One that lives but does not get on is overtaken when the time it asked for is over, not before."""
    queue.add(SYNC)
    assert queue.claim("hung", 1, timedelta(seconds=60))
    assert queue.owners() == {"hung"}
    queue.release_lapsed(but="me")
    assert queue.counts() == Counts(running=1)
    clock.advance(timedelta(seconds=60))
    queue.release_lapsed(but="hung")
    assert queue.counts() == Counts(running=1)
    queue.release_lapsed(but="me")
    assert queue.counts() == Counts(due=1)

    with Dispatcher(queue, receiver.address, str, clock=clock, policy=QUICK):
        settled(queue, Counts())


class WatchedClock(ManualClock):
    """Counts how often the dispatcher's own thread has looked for work."""

    looks = 0

    def now(self) -> datetime:
        """The instant last set."""
        self.looks += threading.current_thread().name == "dispatcher"
        return super().now()


def test_a_locked_queue_is_outlasted(tmp_path: Path, receiver: Receiver) -> None:
    """While another process holds the file, results are kept and told later: nothing is called twice or forgotten."""
    path, clock = tmp_path / "tasks.db", WatchedClock(NOON)
    inside, go_on = threading.Event(), threading.Event()

    def answer(_call: Call) -> tuple[int, dict[str, str]]:
        inside.set()
        return (200, {}) if go_on.wait(PATIENCE) else (500, {})

    receiver.answer = answer
    with (
        closing(SqliteQueue(path, clock, patience=timedelta(milliseconds=10))) as queue,
        Dispatcher(queue, receiver.address, str, clock=clock, policy=QueuePolicy(concurrent=2)) as dispatcher,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        queue.add(Task("tick", {"n": 0}))
        queue.add(Task("tick", {"n": 1}), at=NOON + timedelta(hours=1))
        assert inside.wait(PATIENCE)
        other.execute("BEGIN IMMEDIATE")
        go_on.set()
        clock.advance(timedelta(hours=1))
        with pytest.raises(Later):
            queue.add(Task("tick", {"n": 2}))
        looks = clock.looks
        until(lambda: clock.looks > looks + 1)
        assert dispatcher.counts() == Counts(due=1, running=1)
        other.execute("ROLLBACK")
        settled(queue, Counts())

    assert [call.body["n"] for call in receiver.calls] == [0, 1]


def test_a_queue_closed_too_early_ends_in_peace(tmp_path: Path, receiver: Receiver, clock: ManualClock) -> None:
    """A call that outlived both dispatcher and queue has nobody to tell, and is made again after the restart."""
    go_on = threading.Event()
    receiver.answer = lambda _call: (200, {}) if go_on.wait(PATIENCE) else (500, {})
    with closing(SqliteQueue(tmp_path / "tasks.db", clock)) as queue:
        stuck = Dispatcher(queue, receiver.address, str, clock=clock)
        stuck.start()
        queue.add(SYNC)
        receiver.wait_for(1)
        assert not stuck.stop(timedelta(milliseconds=20))
    go_on.set()
    until(lambda: not any(thread.name.startswith("dispatcher") for thread in threading.enumerate()))

    with closing(SqliteQueue(tmp_path / "tasks.db", clock)) as queue:
        assert queue.counts() == Counts(due=1)


def test_a_file_of_an_earlier_version_is_brought_up_to_date(tmp_path: Path, clock: ManualClock) -> None:
    """Whose tasks carried no trace: what waits in it is called all the same, and new tasks carry theirs."""
    path = tmp_path / "queue.db"
    with closing(SqliteQueue(path, clock)) as before:
        before.add(SYNC)
    with closing(sqlite3.connect(path)) as db:
        db.execute("ALTER TABLE tasks DROP COLUMN trace")
    with closing(SqliteQueue(path, clock)) as after, closing(SqliteQueue(path, clock)):
        after.add(replace(SYNC, trace="t"))
        held = after.claim("me", 10, timedelta(minutes=1))

    assert [(one.task, one.task.trace) for one in held] == [(SYNC, None), (SYNC, "t")]
