"""Trouble at the other side: a provider that refuses, consent withdrawn, retries that end, answers that fail."""

from __future__ import annotations

from datetime import timedelta

import pytest

from functions import channel, dead, ledger
from functions.initialise import initialise
from tests.world import ALICE, World

# ---- the provider -----------------------------------------------------------------------------


@pytest.mark.usefixtures("feed")
def test_a_refused_meeting_is_parked_with_the_reason_until_the_event_changes(world: World) -> None:
    """A provider that says never is not asked again and again; the next change of the event is a new try."""
    world.vendor_control("faults", method="POST", path="^/meetings", times=1, status=400, code="too_long")
    made = world.insert()
    world.settle()
    (row,) = world.rows()
    parked, calls = row.parked, world.calls()
    world.settle(timedelta(hours=2))
    quiet = world.calls()
    world.patch(made["id"], summary="Shorter")
    world.settle()

    assert parked
    assert (calls["POST meetings"], quiet["POST meetings"]) == (1, 0)
    assert [meeting["title"] for meeting in world.meetings()] == ["Shorter"]
    assert world.rows()[0].parked is None


@pytest.mark.usefixtures("feed")
def test_a_withdrawn_credential_keeps_the_mark(world: World) -> None:
    """While the provider's token is refused the event waits; when a person has mended it, all is made good."""
    world.vendor_control("faults", method="POST", path="^/meetings", times=3, status=401)
    world.insert()
    world.settle(timedelta(minutes=30))
    (row,) = world.rows()
    world.settle(timedelta(hours=4))

    assert row.pending
    assert row.trouble
    assert len(world.meetings()) == 1


@pytest.mark.usefixtures("feed")
def test_retries_go_on_for_three_days_and_then_the_event_is_dead(world: World) -> None:
    """A provider that is down for longer leaves a note with the cause; the retries were few."""
    world.vendor_control("faults", method="POST", path="^/meetings", times=100_000, status=503)
    world.insert()
    world.settle(timedelta(days=2, hours=23))
    alive = world.rows()[0].pending
    world.settle(timedelta(hours=4))
    (row,) = world.rows()

    assert alive
    assert row.parked
    assert [note.data["event"] for note in dead.newest(world.ground)] == [row.event]
    assert world.calls()["POST meetings"] < 120


# ---- the calendar -----------------------------------------------------------------------------


def test_withdrawn_consent_stops_the_feed_until_it_is_connected_again(world: World, feed: str) -> None:
    """Nothing is deleted, nothing is asked; connecting again follows what changed meanwhile."""
    made = world.insert()
    world.settle()
    world.google_control("faults", method="GET", path="/events$", times=1, status=401, reason="authError")
    world.patch(made["id"], summary="Meanwhile")
    world.settle()
    stopped = world.feed(feed).trouble
    world.calls()
    world.clock.advance(timedelta(hours=2))
    world.tick()
    world.settle()
    quiet = world.calls()
    initialise(world.ground, ALICE, "primary")
    world.tick()
    world.settle()

    assert stopped
    assert quiet["GET events"] == 0
    assert [meeting["title"] for meeting in world.meetings()] == ["Meanwhile"]
    assert world.feed(feed).trouble is None


def test_a_calendar_that_cannot_be_watched_is_polled(world: World) -> None:
    """Holidays and the like take no channel; their changes come with the next poll."""
    world.google_control(
        "calendars", id="rooms@example.com", owner=ALICE, timeZone="Europe/Zurich", pushNotSupported=True
    )
    feed = world.connect("rooms@example.com")
    world.insert("rooms@example.com")
    world.settle()
    before = len(world.meetings())
    world.clock.advance(timedelta(minutes=16))
    world.tick()
    world.settle()

    assert not world.feed(feed).push
    assert (before, len(world.meetings())) == (0, 1)


def test_a_watch_that_fails_is_tried_again(world: World) -> None:
    """Connecting works without a channel at first; the tick opens one, and no record of the failed one stays."""
    world.google_control("faults", method="POST", path="/watch$", times=1, status=503)
    feed = world.connect()
    without = world.feed(feed).channel
    world.clock.advance(timedelta(minutes=16))
    world.tick()
    world.settle()
    world.clock.advance(timedelta(minutes=11))
    world.tick()

    now = world.feed(feed).channel
    assert without is None
    assert now is not None
    assert [document.key for document in world.store.query(channel.COLLECTION)] == [f"channels/{now}"]


@pytest.mark.parametrize("after_apply", [False, True])
def test_a_patch_without_an_answer_is_looked_at_before_it_is_repeated(world: World, after_apply: bool) -> None:
    """Whether the lost answer was to a write that was done or not, the event ends with its join link."""
    world.connect()
    world.google_control("faults", method="PATCH", path="/events/", times=1, status=503, after_apply=after_apply)
    made = world.insert()
    world.settle()

    (meeting,) = world.meetings()
    assert world.event(made["id"])["conferenceData"]["conferenceId"] == meeting["id"]
    assert world.calls()["PATCH event"] == (1 if after_apply else 2)


@pytest.mark.usefixtures("feed")
def test_pages_and_a_token_dropped_in_the_middle_of_them(world: World) -> None:
    """Five hundred changes over many pages, with 410 on the second: every meeting is right."""
    for number in range(250):
        world.insert(summary=f"Event {number:03d}", id=f"event{number:05d}")
    world.google_control("knobs", pageLimit=60)
    world.google_control(
        "faults", method="GET", path="/events$", times=1, status=410, reason="fullSyncRequired", skip=1
    )
    world.settle(timedelta(hours=1))

    assert [meeting["title"] for meeting in world.meetings()] == [f"Event {number:03d}" for number in range(250)]


@pytest.mark.usefixtures("feed")
def test_an_exception_that_comes_without_its_series_waits_for_it(world: World) -> None:
    """Only the changed occurrence is listed; the series is read before anything is decided."""
    made = world.insert(recurrence=["RRULE:FREQ=WEEKLY;COUNT=6"])
    world.settle()
    (document,) = world.store.query(ledger.COLLECTION)
    world.forget(document)
    world.patch(f"{made['id']}_20261201T090000Z", summary="Only this one")
    world.settle()

    (meeting,) = world.meetings()
    assert meeting["title"] == "Planning"
    assert [one["title"] for one in meeting["exceptions"]] == ["Only this one"]


@pytest.mark.usefixtures("feed")
def test_an_imported_event_whose_id_looks_like_an_occurrence_is_deleted_too(world: World) -> None:
    """The bare tombstone of "party_20240101" is that event's, not one of a series "party"."""
    made = {**world.insert(), "id": "party_20240101", "iCalUID": "party@elsewhere.example"}
    world.settle()
    world.google_control("events", calendarId=ALICE, event=made)
    world.insert(summary="Notice", conferenceData=None)
    world.settle()
    two = len(world.rows())
    world.google_control("events", calendarId=ALICE, event={"id": "party_20240101", "status": "cancelled"})
    world.insert(summary="Another notice", conferenceData=None)
    world.settle()

    assert two == 2
    assert [row.event for row in world.rows() if row.link] == [
        row.event for row in world.rows() if "_" not in row.event
    ]
