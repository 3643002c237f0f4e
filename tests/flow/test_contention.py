"""Somebody else writes every document just before we do: each commit is refused once, and the end is right."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from conference.errors import Conflict, Later, OutcomeUnknown, Stale
from functions import dead, feed, ledger, work
from functions import feed as feeds
from functions.initialise import initialise
from functions.ports import Put
from tests.instead import Instead
from tests.world import ALICE, World


class Contended:
    """A store in which each document is written by another hand, with the same words, before every second write."""

    def __init__(self, store: Any, collection: str = "", *, always: bool = False) -> None:
        self._store, self._collection, self._always = store, collection, always
        self._last: set[str] = set()
        self.touched = 0

    def commit(self, *writes: Any) -> Any:
        """Commit, after somebody else has."""
        for write in writes:
            if write.if_version is not None and write.key.startswith(self._collection):
                self._touch(write.key)
        return self._store.commit(*writes)

    def _touch(self, key: str) -> None:
        if key in self._last and not self._always:
            self._last.discard(key)
            return
        self._last.add(key)
        document = self._store.get(key)
        if document is not None:
            self._store.commit(Put(key, document.data, document.version))
            self.touched += 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.mark.parametrize("collection", ["", "feeds/", "ledger/", "channels/"])
def test_contention_everywhere_delays_and_loses_nothing(world: World, collection: str) -> None:
    """Made, renamed, copied and cancelled, over channels renewed and sweeps: one right meeting, nothing pending."""
    feed_id = world.connect()
    store = Contended(world.store, collection)
    world.change_ground(store=store)
    kept, gone = world.insert(summary="Kept"), world.insert(summary="Gone")
    world.settle()
    world.patch(kept["id"], summary="Renamed")
    world.cancel(gone["id"])
    world.settle()
    for _ in range(8):
        world.clock.advance(timedelta(hours=6))
        world.tick()
        world.settle()
        world.clock.advance(timedelta(minutes=3))
        world.tick()
        world.settle()

    (meeting,) = world.meetings()
    assert store.touched > 5
    assert meeting["title"] == "Renamed"
    assert world.event(kept["id"])["conferenceData"]["conferenceId"] == meeting["id"]
    assert not any(row.pending or row.parked for row in world.rows())
    assert not world.feed(feed_id).owed


def test_one_conflict_costs_nobody_a_delay(world: World, feed: str) -> None:
    """Whoever finds a document written meanwhile reads it and writes at once: a mark, a claim, a save, a run."""
    world.insert()
    world.settle()
    calm = world.store
    (document,) = calm.query(ledger.COLLECTION)
    world.change_ground(store=Contended(calm, "ledger/"))
    work.remark(world.ground, document.key, verify=True)
    (document,) = calm.query(ledger.COLLECTION)
    world.change_ground(store=Contended(calm, "ledger/"))
    job = work.Work.on(world.ground, document)
    claimed = job.claim()
    world.change_ground(store=Contended(calm, "ledger/"))
    job.ground = world.ground
    job.keep(claimed_until=0.0)
    world.settle()
    world.change_ground(store=Contended(calm, "feeds/"))
    before = world.feed(feed).dirty
    feeds.raise_dirty(world.ground, feed)
    asked = world.feed(feed).dirty
    world.change_ground(store=Contended(calm))
    world.insert(summary="Second")
    world.settle(timedelta(seconds=1))

    assert claimed
    assert asked == before + 1
    assert [meeting["title"] for meeting in world.meetings()] == ["Planning", "Second"]
    assert (world.feed(feed).owed, world.feed(feed).attempts) == (False, 0)


@pytest.mark.usefixtures("feed")
def test_who_writes_during_a_patch_does_not_hide_what_it_made_of_the_event(world: World) -> None:
    """What we wrote is known again when Google tells of it, though another hand had the row meanwhile: no new mark."""

    def patch(*arguments: Any, **named: Any) -> Any:
        patched = calm.patch(*arguments, **named)
        (document,) = world.store.query(ledger.COLLECTION)
        world.store.commit(Put(document.key, document.data, document.version))
        return patched

    calm = world.ground.calendar
    world.change_ground(calendar=Instead(calm, patch=patch))
    made = world.insert()
    world.settle()
    (row,) = world.rows()

    assert row.seen is not None
    assert row.seen.etag == world.event(made["id"])["etag"]
    assert (row.mark, row.done) == (1, 1)


def test_a_feed_that_is_written_without_end_is_left_for_later(world: World, feed: str) -> None:
    """The notice is answered 503, so that Google repeats it; then all is well."""
    made = world.insert()
    world.settle()
    world.change_ground(store=Contended(world.store, "feeds/", always=True))
    world.patch(made["id"], summary="Renamed")
    world.deliver()
    untouched = world.feed(feed).owed
    world.change_ground(store=world.store)
    world.clock.advance(timedelta(minutes=16))
    world.tick()
    world.settle()

    assert not untouched
    assert world.meetings()[0]["title"] == "Renamed"


def test_a_run_whose_rows_are_written_without_end_is_postponed(world: World, feed: str) -> None:
    """Neither the token moves nor a mark is lost."""
    made = world.insert()
    world.settle()
    world.change_ground(store=Contended(world.store, "ledger/", always=True))
    world.patch(made["id"], summary="Renamed")
    world.settle(timedelta(seconds=3))
    trouble = world.feed(feed).trouble
    world.change_ground(store=world.store)
    world.settle(timedelta(hours=1))

    assert trouble
    assert world.feed(feed).trouble is None
    assert world.meetings()[0]["title"] == "Renamed"


@pytest.mark.usefixtures("feed")
def test_a_row_that_is_written_without_end_is_stale(world: World) -> None:
    """A save gives up after some tries, and so does whoever raises the mark: the caller comes again."""
    world.insert()
    world.settle()
    (document,) = world.store.query(ledger.COLLECTION)
    work.remark(world.ground, document.key, verify=True)
    (document,) = world.store.query(ledger.COLLECTION)
    world.change_ground(store=Contended(world.store, "ledger/", always=True))
    job = work.Work.on(world.ground, document)

    assert not job.claim()
    with pytest.raises(Stale):
        job.keep(verify=True)
    with pytest.raises(Stale):
        work.remark(world.ground, document.key, verify=True)


def test_raising_the_mark_of_a_row_that_is_gone_does_nothing(world: World) -> None:
    """It may have expired since it was found."""
    work.remark(world.ground, "ledger/nobody", verify=True)

    assert world.rows() == []


@pytest.mark.usefixtures("feed")
def test_an_event_that_changes_while_it_is_given_up_is_tried_again(world: World) -> None:
    """The reason to park it belongs to what it was before."""
    world.insert()
    world.settle()
    (document,) = world.store.query(ledger.COLLECTION)
    work.remark(world.ground, document.key, verify=True)
    (document,) = world.store.query(ledger.COLLECTION)
    job = work.Work.on(world.ground, document)
    assert job.claim()
    work.remark(world.ground, document.key, verify=True)
    job.park("no more")
    (row,) = world.rows()
    world.settle()

    assert (row.parked, row.pending) == (None, True)
    assert not world.rows()[0].pending


def test_connecting_a_calendar_twice_at_once_makes_one_feed(world: World) -> None:
    """Both see none, one of them writes it first."""

    class Twin:
        """A store in which somebody else connects the calendar at this moment."""

        def __init__(self, store: Any) -> None:
            self._store, self._first = store, True

        def commit(self, *writes: Any) -> Any:
            if self._first and writes[0].key.startswith("feeds/"):
                self._first = False
                self._store.commit(*writes)
            return self._store.commit(*writes)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._store, name)

    world.change_ground(store=Twin(world.store))
    connected = initialise(world.ground, ALICE, "primary")
    world.settle()

    assert [document.key for document in world.store.query(feed.COLLECTION)] == [f"feeds/{connected}"]
    assert world.feed(connected).token


def test_a_note_of_a_dead_event_is_not_written_over_another(world: World) -> None:
    """Two runs note it at once: one of the notes stands."""
    dead.note(world.ground, "feed", "event", "first")
    world.change_ground(store=Contended(world.store, "dead/"))
    dead.note(world.ground, "feed", "event", "second")

    assert [note.data["cause"] for note in dead.newest(world.ground)] == ["first"]


def test_a_commit_that_may_have_been_done_does_not_end_the_feed(world: World) -> None:
    """Every commit of the feed's document is done, and every third one says that it does not know."""
    feed_id = world.connect()

    class Vague:
        """A store whose answers get lost."""

        def __init__(self, store: Any) -> None:
            self._store, self._count = store, 0

        def commit(self, *writes: Any) -> Any:
            done = self._store.commit(*writes)
            self._count += 1
            if self._count % 3 == 0:
                raise OutcomeUnknown("no answer from the store")
            return done

        def __getattr__(self, name: str) -> Any:
            return getattr(self._store, name)

    made = world.insert()
    world.change_ground(store=Vague(world.store))
    for _ in range(40):
        try:
            world.settle()
            world.tick()
        except (OutcomeUnknown, Later, Conflict):
            pass
        world.clock.advance(timedelta(minutes=2))
    world.change_ground(store=world.store)
    for _ in range(4):
        world.clock.advance(timedelta(minutes=16))
        world.tick()
        world.settle()

    (meeting,) = world.meetings()
    assert world.event(made["id"])["conferenceData"]["conferenceId"] == meeting["id"]
    assert not world.feed(feed_id).owed
    assert not any(row.pending or row.parked for row in world.rows())
