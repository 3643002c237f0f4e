"""Locks: contention between runs, leases, fences, waiting by the project's port, release at the end of the run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from conference.errors import Later, OutcomeUnknown
from functions import script
from functions.ports import Delete, Put, Store
from functions.script.context import Execution
from functions.script.lock import LEASE
from tests.unit.script.bench import ALICE, BOB, START, Bench

Get = Callable[[], script.Lock | None]


@pytest.fixture
def bench() -> Bench:
    """A ground for runs."""
    return Bench()


def test_nothing_is_acquired_before_it_is_asked_for(bench: Bench) -> None:
    """A lock object holds nothing yet; afterwards it does, until released."""
    with script.running(bench.project(), user=ALICE):
        lock = script.get_user_lock()
        assert not lock.has_lock()
        assert lock.try_lock(0)
        assert lock.has_lock()
        assert lock.try_lock(0)
        lock.release_lock()
        assert not lock.has_lock()
        lock.release_lock()
        assert script.get_user_lock().try_lock(0)


@pytest.mark.parametrize("milliseconds", [0, -1, 1, 10, 999, 5000, 12_345.5, timedelta(seconds=3)])
def test_a_rival_waits_as_long_as_it_said(bench: Bench, milliseconds: float | timedelta) -> None:
    """It gives up after just that time, which passes through the project's port; 0 tries once."""
    with script.running(bench.project(), user=ALICE):
        script.get_user_lock().wait_lock(0)
        rival = script.get_user_lock()

        assert not rival.try_lock(milliseconds)
        assert not rival.has_lock()
    asked = milliseconds if isinstance(milliseconds, timedelta) else timedelta(milliseconds=max(0, milliseconds))
    assert abs(bench.clock.now() - START - asked) < timedelta(milliseconds=1)


def test_a_rival_gets_it_when_it_is_let_go(bench: Bench) -> None:
    """Whoever waits goes on soon after the holder released."""
    with script.running(bench.project(), user=ALICE):
        holder, rival = script.get_user_lock(), script.get_user_lock()
        holder.wait_lock(0)

        def let_go() -> None:
            if len(bench.waits) == 3:
                holder.release_lock()

        bench.meanwhile = let_go
        rival.wait_lock(10_000)

        assert rival.has_lock()
        assert not holder.has_lock()
        assert sum(bench.waits) < 1


def test_waiting_in_vain_raises_with_apps_scripts_text(bench: Bench) -> None:
    """wait_lock raises LockTimeout and returns nothing that could be chained on."""
    with script.running(bench.project(), user=ALICE):
        assert script.get_user_lock().wait_lock(1) is None  # type: ignore[func-returns-value]  # that is the point
        with pytest.raises(script.LockTimeout, match=r"^Lock timeout: another process was holding the lock for too"):
            script.get_user_lock().wait_lock(100)


@pytest.mark.parametrize("bad", ["10", None, True])
def test_a_wait_is_a_number(bench: Bench, bad: Any) -> None:
    """Anything else is refused."""
    with script.running(bench.project(), user=ALICE), pytest.raises(TypeError, match=r"method signature for Lock\."):
        script.get_user_lock().try_lock(bad)


def test_scopes_users_and_scripts_do_not_meet(bench: Bench) -> None:
    """Only the same scope of the same owner in the same script contends; the script's lock is all users'."""
    gets: tuple[Get, ...] = (script.get_script_lock, script.get_user_lock, script.get_document_lock)
    taken: list[tuple[str, str, Get]] = []
    for name in ("one", "two"):
        for user in (ALICE, BOB):
            with script.running(bench.project(name), user=user), script.in_document("shared"):
                taken += [(name, user, get) for get in gets if (lock := get()) is not None and lock.try_lock(0)]

    assert taken == [
        (name, user, get)
        for name in ("one", "two")
        for user in (ALICE, BOB)
        for get in gets
        if user == ALICE or get is script.get_user_lock
    ]


def test_there_is_no_document_lock_outside_a_document(bench: Bench) -> None:
    """As in Apps Script: None."""
    with script.running(bench.project()):
        assert script.get_document_lock() is None


def test_with_releases_on_failure_too(bench: Bench) -> None:
    """`with lock:` holds it for the block, whatever happens in it."""
    with script.running(bench.project(), user=ALICE):
        lock = script.get_user_lock()
        with pytest.raises(RuntimeError, match=r"^held$"), lock:
            raise RuntimeError("held" if lock.has_lock() else "not held")
        assert not lock.has_lock()
        assert script.get_user_lock().try_lock(0)


def test_with_waits_half_a_minute(bench: Bench) -> None:
    """Not longer: then it raises as wait_lock does, and the block is not entered."""
    with script.running(bench.project(), user=ALICE):
        script.get_user_lock().wait_lock(0)
        with pytest.raises(script.LockTimeout), script.get_user_lock():
            pytest.fail("entered")
    assert abs(bench.clock.now() - START - timedelta(seconds=30)) < timedelta(milliseconds=1)


def test_it_ends_with_the_run(bench: Bench) -> None:
    """The run's end releases what was not released, and a lock that was released and taken again is watched once."""
    run = Execution("1")
    with script.running(bench.project(), user=ALICE, execution=run):
        lock = script.get_user_lock()
        lock.wait_lock(0)
        lock.release_lock()
        lock.wait_lock(0)
    (end,) = run.at_end
    end()

    assert not lock.has_lock()
    with script.running(bench.project(), user=ALICE):
        assert script.get_user_lock().try_lock(0)


def test_the_dead_lose_it_when_the_lease_ends(bench: Bench) -> None:
    """A run that died holds nobody up for longer than its lease, and does not take itself for the holder after it."""
    with script.running(bench.project(), user=ALICE):
        dead, next_one = script.get_user_lock(), script.get_user_lock()
        dead.wait_lock(0)
        bench.clock.advance(timedelta(seconds=LEASE - 1))
        assert dead.has_lock()
        assert not next_one.try_lock(0)
        bench.clock.advance(timedelta(seconds=1))
        assert not dead.has_lock()
        assert next_one.try_lock(0)
        dead.release_lock()

        assert next_one.has_lock()
        assert next_one.fence == dead.fence + 1
        assert not script.get_user_lock().try_lock(0)


def test_a_lease_can_be_renewed_while_it_runs(bench: Bench) -> None:
    """Renewing keeps the fence; after the loss it is refused."""
    with script.running(bench.project(), user=ALICE):
        lock = script.get_user_lock()
        lock.wait_lock(0)
        bench.clock.advance(timedelta(seconds=LEASE - 1))
        assert lock.renew()
        bench.clock.advance(timedelta(seconds=LEASE - 1))
        assert lock.has_lock()
        assert lock.fence == 1
        bench.clock.advance(timedelta(seconds=1))
        assert not lock.renew()


def test_the_fence_grows_with_each_acquisition(bench: Bench) -> None:
    """Whoever comes later has the higher number, also after releases."""
    with script.running(bench.project(), user=ALICE):
        fences = []
        for _ in range(5):
            with script.get_user_lock() as lock:
                fences.append(lock.fence)

    assert fences == [1, 2, 3, 4, 5]


class _Unsure:
    """A store whose next commit is done, or not, and gives no answer; or that cannot be reached."""

    def __init__(self) -> None:
        self.next: str | None = None

    def over(self, store: Store) -> Store:
        """The store, unsure."""
        self._store = store
        return self

    def get(self, key: str) -> Any:
        """As the store."""
        return self._store.get(key)

    def commit(self, *writes: Put | Delete) -> Any:
        """As the store, once without an answer."""
        what, self.next = self.next, None
        if what == "down":
            raise Later("the store cannot be reached")
        if what == "lost":
            raise OutcomeUnknown("no answer")
        done = self._store.commit(*writes)
        if what == "done":
            raise OutcomeUnknown("no answer")
        return done

    def query(self, collection: str, *args: Any, **kwargs: Any) -> Any:
        """As the store."""
        return self._store.query(collection, *args, **kwargs)


@pytest.mark.parametrize(("what", "held"), [("done", True), ("lost", False)])
def test_an_acquisition_without_an_answer_is_looked_up(what: str, held: bool) -> None:
    """Whether it was done is read from the store, not guessed."""
    unsure = _Unsure()
    with script.running(Bench(unsure.over).project(), user=ALICE):
        lock = script.get_user_lock()
        unsure.next = what
        assert lock.try_lock(0) is held
        assert script.get_user_lock().try_lock(0) is not held


def test_a_release_that_fails_is_left_to_the_lease() -> None:
    """To let go never raises: the lease's end does it."""
    unsure = _Unsure()
    bench = Bench(unsure.over)
    with script.running(bench.project(), user=ALICE):
        lock = script.get_user_lock()
        lock.wait_lock(0)
        unsure.next = "down"
        lock.release_lock()
        assert not lock.has_lock()
        assert not script.get_user_lock().try_lock(0)
        bench.clock.advance(timedelta(seconds=LEASE))
        assert script.get_user_lock().try_lock(0)


def test_a_store_that_is_down_is_said() -> None:
    """An acquisition that cannot reach the store raises Later and holds nothing."""
    unsure = _Unsure()
    with script.running(Bench(unsure.over).project(), user=ALICE):
        lock = script.get_user_lock()
        unsure.next = "down"
        with pytest.raises(Later):
            lock.try_lock(1000)
        assert not lock.has_lock()
