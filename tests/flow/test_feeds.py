"""A feed and its passes: stopped and connected again, pages in any order, events that spoil a page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from conference.errors import Later
from functions import channel, dead
from functions import feed as feeds
from functions.initialise import initialise
from tests.crashing import Crash
from tests.meanwhile import Meanwhile
from tests.world import ALICE, World


def test_who_is_told_that_a_calendar_is_connected_is_followed_from_then_on(world: World) -> None:
    """The first process died over the first pass: the second one does not say that all is well before it is."""

    def die() -> None:
        raise Crash

    calm = world.ground
    world.change_ground(calendar=Meanwhile(calm.calendar, "changes", die))
    with pytest.raises(Crash):
        initialise(world.ground, ALICE, "primary")
    world.change_ground(calendar=calm.calendar)
    with pytest.raises(Later):
        initialise(world.ground, ALICE, "primary")
    world.settle()
    initialise(world.ground, ALICE, "primary")
    world.insert()
    world.settle()

    assert [meeting["title"] for meeting in world.meetings()] == ["Planning"]


def test_a_notice_during_a_run_that_is_stopped_does_not_silence_the_feed(world: World, feed: str) -> None:
    """Connected again, the feed runs, whatever number was asked for when it was stopped."""
    made = world.insert()
    world.settle()
    world.patch(made["id"], summary="First")
    world.deliver()
    world.google_control("faults", method="GET", path="/events$", times=1, status=401, reason="authError")

    def notice() -> None:
        world.patch(made["id"], summary="Second")
        world.deliver()

    calm = world.ground
    world.change_ground(calendar=Meanwhile(calm.calendar, "changes", notice))
    world.settle()
    world.change_ground(calendar=calm.calendar)
    stopped = world.feed(feed)
    initialise(world.ground, ALICE, "primary")
    for _ in range(4):
        world.tick()
        world.settle()
        world.clock.advance(timedelta(minutes=1))

    assert stopped.stopped
    assert world.meetings()[0]["title"] == "Second"


def test_a_stopped_feed_is_left_in_peace(world: World, feed: str) -> None:
    """Notices and ticks while it is stopped enqueue nothing."""
    made = world.insert()
    world.settle()
    world.google_control("faults", method="GET", path="/events$", times=1, status=401, reason="authError")
    world.patch(made["id"], summary="Meanwhile")
    world.settle()
    world.patch(made["id"], summary="Again")
    ran = polled = 0
    for _ in range(10):
        world.clock.advance(timedelta(minutes=2))
        polled += world.tick()["polls"]
        ran += world.settle()

    assert world.feed(feed).stopped
    assert polled == 0
    assert ran <= 1


def test_withdrawn_consent_leaves_no_heap_of_channels(world: World, feed: str) -> None:
    """Renewals that fail for days leave no record behind, and ask seldom."""
    world.insert()
    world.settle()
    world.google_control("faults", method="POST", path="/watch$", times=100000, status=401, reason="authError")
    world.google_control("faults", method="POST", path="/stop$", times=100000, status=401, reason="authError")
    world.clock.advance(timedelta(hours=25))
    for _ in range(60):
        world.tick()
        world.clock.advance(timedelta(minutes=1))

    assert len(world.store.query(channel.COLLECTION)) <= 2
    assert world.feed(feed).channel


def test_a_page_token_that_expires_in_a_full_pass_is_no_end(world: World, feed: str) -> None:
    """The full pass is made anew a little later."""
    for number in range(5):
        world.insert(summary=f"Event {number}")
    world.settle()
    world.google_control("knobs", pageLimit=2)
    feeds.raise_dirty(world.ground, feed, full=True)
    world.google_control(
        "faults", method="GET", path="/events$", times=1, status=410, reason="fullSyncRequired", skip=1
    )
    world.settle()

    assert not world.feed(feed).full_wanted
    assert not world.feed(feed).owed


@pytest.mark.usefixtures("feed")
def test_a_cancelled_occurrence_on_the_page_before_its_new_series_counts(world: World) -> None:
    """Pages come in any order."""
    made = world.insert(recurrence=["RRULE:FREQ=WEEKLY;COUNT=6"])
    world.cancel(f"{made['id']}_20261208T090000Z")
    world.patch(made["id"], summary="Weekly")
    world.google_control("knobs", pageLimit=1)
    world.settle()

    (meeting,) = world.meetings()
    assert [one.get("cancelled") for one in meeting["exceptions"]] == [True]


def test_an_event_too_large_to_keep_holds_nothing_back(world: World, feed: str) -> None:
    """It is noted as dead; the others of the same run are followed."""
    good, huge = world.insert(summary="Good"), world.insert(summary="Huge")
    world.settle()
    guests = [{"email": f"guest-{number:06d}@example.com", "displayName": "x" * 100} for number in range(4000)]
    world.google_control("events", calendarId=ALICE, event={**world.event(huge["id"]), "attendees": guests})
    world.patch(good["id"], summary="Better")
    world.settle()

    assert not world.feed(feed).stopped
    assert "Better" in [meeting["title"] for meeting in world.meetings()]
    assert [note.data["event"] for note in dead.newest(world.ground)] == [huge["id"]]


@pytest.mark.usefixtures("feed")
def test_an_exception_that_cannot_be_read_does_not_hold_back_its_series(world: World) -> None:
    """The series is renamed in the same page: the meeting follows, and the exception is noted as dead."""
    made = world.insert(recurrence=["RRULE:FREQ=WEEKLY;COUNT=6"])
    world.settle()
    world.patch(f"{made['id']}_20261201T090000Z", summary="Only this one")
    world.settle()
    bad = {**world.event(f"{made['id']}_20261201T090000Z"), "start": {"dateTime": "never"}}
    world.patch(made["id"], summary="Weekly")
    world.google_control("events", calendarId=ALICE, event=bad)
    world.settle()

    assert [meeting["title"] for meeting in world.meetings()] == ["Weekly"]
    assert dead.newest(world.ground)


def test_one_event_that_may_not_be_read_does_not_stop_the_feed(world: World, feed: str) -> None:
    """A full pass that did not show it looks it up in vain: noted, and nothing is deleted."""
    world.insert()
    world.settle()
    world.clock.advance(timedelta(days=2))
    feeds.raise_dirty(world.ground, feed, full=True)
    world.google_control("faults", method="GET", path="/events/", times=1, status=403, reason="forbidden")
    world.settle()

    assert not world.feed(feed).stopped
    assert len(world.meetings()) == 1


def test_a_full_pass_does_not_look_up_what_is_long_over(world: World, feed: str) -> None:
    """Years of past meetings cost nothing at each sweep."""
    for number in range(5):
        world.insert(summary=f"Event {number}")
    world.settle()
    world.clock.advance(timedelta(days=40))
    world.tick()
    world.settle()
    world.calls()
    feeds.raise_dirty(world.ground, feed, full=True)
    world.settle()

    assert world.calls()["GET event"] == 0
    assert len(world.meetings()) == 5


@pytest.mark.usefixtures("feed")
def test_a_parked_event_that_is_cancelled_is_parked_no_more(world: World) -> None:
    """The console stops listing it."""
    made = world.insert()
    world.settle()
    worse = {**world.event(made["id"]), "id": "worse00000", "iCalUID": "worse@x", "recurrence": ["RRULE:FREQ=NEVER"]}
    world.google_control("events", calendarId=ALICE, event=worse)
    world.insert(summary="Notice", conferenceData=None)
    world.settle()
    parked = [row.event for row in world.rows() if row.parked]
    world.google_control("events", calendarId=ALICE, event={"id": "worse00000", "status": "cancelled"})
    world.insert(summary="Notice", conferenceData=None)
    world.settle()

    assert parked == ["worse00000"]
    assert not [row.event for row in world.rows() if row.parked]
