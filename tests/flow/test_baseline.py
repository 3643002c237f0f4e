"""What is noted of the events that were there before a calendar was connected, and what becomes of them later."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from conference.link import index
from conference.meeting import MeetingId, MeetingRef
from functions.ledger import Row
from tests.world import ALICE, World

VIDEO = {"entryPointType": "video", "uri": "https://vendor.example/j/7", "passcode": "4711"}
PHONE = {"entryPointType": "phone", "uri": "tel:+41440000000"}
WHOLE_DAY = {"start": {"date": "2026-11-24"}, "end": {"date": "2026-11-25"}}


def there_before(world: World, **fields: Any) -> str:
    """An event of a calendar that is not connected yet, with a meeting of the provider's; its id."""
    world.vendor_control("webhooks", silent=True)
    meeting = world.make_meeting_elsewhere("Old")
    conference = {**world.conference_with(meeting), "entryPoints": [PHONE, VIDEO]}
    made: str = world.insert(conferenceData=conference, **fields)["id"]
    return made


def only(world: World) -> Row:
    """The one row."""
    (row,) = world.rows()
    return row


def test_a_meeting_is_noted_as_its_event_tells_of_it(world: World) -> None:
    """Its id, its address and passcode of all the ways to join; nothing is decided about it."""
    event = there_before(world)
    (meeting,) = world.meetings()
    world.connect()
    row = only(world)

    assert row.link is not None
    assert row.link.meeting is not None
    assert row.link.meeting.ref == MeetingRef("http", "acme", MeetingId(meeting["id"]))
    assert (row.link.meeting.join_url, row.link.meeting.passcode) == (VIDEO["uri"], VIDEO["passcode"])
    assert (row.link.provider, row.link.account, row.link.key, row.link.generation) == ("http", "acme", "", 0)
    assert row.link.leads
    assert row.meeting == index(row.link.meeting.ref)
    assert (row.event, row.user, row.calendar, row.zone) == (event, ALICE, ALICE, "Europe/Zurich")
    assert row.ical_uid == world.event(event)["iCalUID"]
    assert (row.mark, row.done, row.due, row.pending) == (0, 0, None, False)


def test_an_event_that_names_no_way_to_join_is_noted_too(world: World) -> None:
    """A meeting has its id, whatever its event lacks."""
    world.vendor_control("webhooks", silent=True)
    meeting = world.make_meeting_elsewhere("Old")
    world.insert(conferenceData={**world.conference_with(meeting), "entryPoints": [PHONE]})
    world.connect()
    link = only(world).link

    assert link is not None
    assert link.meeting is not None
    assert (link.meeting.join_url, link.meeting.passcode) == ("", None)


@pytest.mark.parametrize("times", [{}, WHOLE_DAY], ids=["hours", "a whole day"])
def test_what_was_agreed_before_us_costs_no_update(world: World, times: dict[str, Any]) -> None:
    """What its guests answer changes nothing about the meeting; a new time does."""
    event = there_before(world, **times)
    feed = world.connect()
    world.calls()
    world.patch(event, attendees=[{"email": ALICE, "responseStatus": "accepted", "self": True}])
    world.patch(event, colorId="4")
    world.settle()
    answered = world.calls()
    agreed = only(world).link

    assert agreed is not None
    assert agreed.agreed is not None
    assert answered["PUT meetings"] == 0
    assert not world.feed(feed).owed


@pytest.mark.parametrize("backwards", [False, True], ids=["series first", "exceptions first"])
def test_a_series_and_its_exceptions_on_several_pages_are_noted_alike(world: World, *, backwards: bool) -> None:
    """In whatever order a first pass shows them, nothing is done about a series that was there before us."""
    series = there_before(world, recurrence=["RRULE:FREQ=DAILY;COUNT=5"])
    world.patch(f"{series}_20261125T090000Z", summary="Otherwise")
    world.patch(f"{series}_20261126T090000Z", status="cancelled")
    world.google_control("knobs", pageLimit=1, exceptionsFirst=backwards)
    world.connect()
    noted = only(world)
    world.patch(series, colorId="4")
    world.settle()

    assert (noted.mark, noted.pending, len(noted.exceptions)) == (0, False, 2)
    assert world.calls()["PUT meetings"] == 0


def test_an_event_without_a_conference_or_a_cancelled_one_has_no_row(world: World) -> None:
    """A baseline keeps what is ours, and what lives."""
    world.insert(conferenceData=None)
    world.cancel(world.insert()["id"])
    world.connect()

    assert world.rows() == []


@pytest.mark.parametrize(("hours", "made"), [(1, 1), (-1, 0)], ids=["within the window", "before it"])
def test_what_a_later_full_pass_meets_for_the_first_time_counts_if_it_is_new(
    world: World, feed: str, hours: int, made: int
) -> None:
    """An event of the last day that no notice told of gets its meeting; an older one is noted."""
    world.google_control("push", silent=True)
    whole = world.event(world.insert()["id"])
    world.settle()
    world.google_control("expire-tokens", calendarId=ALICE)
    when = world.clock.now() + timedelta(minutes=16, hours=-24 + hours)
    world.google_control("events", calendarId=ALICE, event={**whole, "updated": when.isoformat()})
    world.clock.advance(timedelta(minutes=16))
    ticked = world.ground.now()
    world.tick()
    world.settle()

    assert world.feed(feed).full_at == ticked
    assert len(world.meetings()) == made
    assert len(world.rows()) == 1
