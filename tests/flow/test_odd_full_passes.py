"""Full passes over what was there before us, over what is not shown, and over what cannot be asked."""

from __future__ import annotations

from datetime import timedelta

from conference.link import index
from conference.meeting import MeetingId, MeetingRef
from conference.solution import Solution
from functions import feed as feeds
from functions import sync, webhook
from tests.world import ALICE, World

TEAM = "team@example.com"


def test_what_was_there_before_us_is_noted_as_far_as_it_can_be_told(world: World) -> None:
    """Of odd events too, the first pass makes rows and no meeting; later changes are followed."""
    asks = world.insert(summary="Asks")
    other = world.conference_with("theirs")
    other["parameters"] = {"addOnParameters": {"parameters": {"lockstep": "elsewhere"}}}
    world.insert(summary="Of a provider that is not configured", conferenceData=other)
    untold = {**world.event(asks["id"]), "id": "untold", "iCalUID": "untold", "start": {"dateTime": "soon"}}
    world.google_control("events", calendarId=ALICE, event={**untold, "conferenceData": world.conference_with("m")})
    lone = {**world.event(asks["id"]), "id": "gone_20261124T090000Z", "recurringEventId": "gone", "iCalUID": "gone"}
    lone["originalStartTime"] = lone["start"]
    world.google_control("events", calendarId=ALICE, event=lone)
    world.change_ground(solutions=(*world.ground.solutions, Solution("elsewhere")))
    world.connect()
    rows = {row.event: row for row in world.rows()}
    before = world.meetings()
    world.patch(asks["id"], summary="Asks again")
    world.settle()

    assert before == []
    assert "gone" not in rows
    assert rows["untold"].link is not None
    assert rows["untold"].link.agreed is None
    assert [row.event for row in rows.values() if row.link] == ["untold"]
    assert [meeting["title"] for meeting in world.meetings()] == ["Asks again"]


def test_meetings_that_were_there_before_us_are_found_and_shared(world: World) -> None:
    """Two calendars name one meeting: the first to be connected leads, and what a vendor says of it reaches both."""
    world.google_control("calendars", id=TEAM, owner=ALICE, timeZone="Europe/Zurich")
    meeting = world.make_meeting_elsewhere("Old")
    for calendar in ("primary", TEAM):
        world.insert(calendar, summary=calendar, conferenceData=world.conference_with(meeting))
    world.connect()
    world.connect(TEAM)
    held = index(MeetingRef("http", "acme", MeetingId(meeting)))

    assert [(row.calendar, row.link.leads) for row in sorted(world.rows(), key=lambda it: it.calendar) if row.link] == [
        (ALICE, True),
        (TEAM, False),
    ]
    assert webhook.look_at_meeting(world.ground, held, "") == 2


def test_events_that_a_full_pass_does_not_show_are_looked_up_unless_long_over(world: World, feed: str) -> None:
    """A series that has ended and an event that ends before it starts are looked up, a single one of last month not."""
    series = world.insert(summary="Series", recurrence=["RRULE:FREQ=DAILY;COUNT=2"])
    single = world.insert(summary="Single")
    broken = world.insert(summary="Broken")
    world.settle()
    backwards = {"start": broken["end"], "end": broken["start"]}
    world.google_control("events", calendarId=ALICE, event={**world.event(broken["id"]), **backwards})
    world.insert(conferenceData=None)
    world.settle()
    world.clock.advance(timedelta(days=40))
    feeds.raise_dirty(world.ground, feed, full=True)
    world.calls()
    world.settle()
    looked_up = world.calls()["GET event"]

    assert looked_up == 2
    assert {row.event for row in world.rows() if row.link} == {series["id"], single["id"], broken["id"]}


def test_an_event_that_waits_for_its_meeting_is_looked_up_though_it_is_over(world: World, feed: str) -> None:
    """No full pass shows it: what changed while the token was lost is seen, and the meeting made accordingly."""
    world.vendor_control("faults", method="POST", path="^/meetings", times=1, status=503, retry_after=3600)
    made = world.insert()
    world.settle()
    world.clock.advance(timedelta(days=10))
    world.google_control("push", silent=True)
    world.patch(made["id"], summary="As it stands")
    world.google_control("expire-tokens", calendarId=ALICE)
    feeds.raise_dirty(world.ground, feed)
    sync.sync_calendar(world.ground, feed, world.feed(feed).dirty)
    (row,) = world.rows()

    assert row.seen is not None
    assert row.seen.summary == "As it stands"


def test_a_look_up_that_is_not_answered_postpones_the_full_pass(world: World, feed: str) -> None:
    """Its token is not kept before every absent event was looked up."""
    made = world.insert()
    world.settle()
    world.clock.advance(timedelta(days=3))
    full_at = world.feed(feed).full_at
    world.google_control("faults", method="GET", path="/events/", times=1, status=503)
    feeds.raise_dirty(world.ground, feed, full=True)
    world.settle(timedelta(seconds=2))
    postponed = world.feed(feed)
    world.settle(timedelta(minutes=30))

    assert (postponed.full_at, postponed.attempts) == (full_at, 1)
    assert world.feed(feed).full_at > full_at
    assert [row.event for row in world.rows() if row.link] == [made["id"]]
