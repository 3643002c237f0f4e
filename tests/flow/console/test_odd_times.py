"""What the console shows where times are odd: unknown, unreadable, long ago, far ahead, or not in any order."""

from __future__ import annotations

import msgspec
import pytest

from conference.event import EventTime
from functions import ledger
from functions.console.state import collect
from tests.flow.console.shown import head_with, only
from tests.world import ALICE, World


def test_a_feed_that_has_never_run_says_so(world: World, feed: str) -> None:
    """Neither a last sync nor a next poll is made up."""
    head = head_with(world, feed, synced_at=None, poll_at=None)

    assert [fact.value for fact in head.facts if fact.name != "push until"] == ["never", "not set"]


def test_a_zone_nobody_knows_costs_nothing_but_itself(world: World, feed: str) -> None:
    """The page falls back to UTC."""
    head = head_with(world, feed, zone="Mars/Olympus")

    assert head.zone == "UTC"


def test_a_series_of_which_only_a_date_was_seen_is_not_compared(world: World, feed: str) -> None:
    """What the whole series says is not known: no difference is made up."""
    made = world.insert(recurrence=["RRULE:FREQ=DAILY;COUNT=30"])
    world.settle()
    (document,) = world.store.query(ledger.COLLECTION)
    row = ledger.decode(document)
    world.store.commit(ledger.put(msgspec.structs.replace(row, seen=None), document.version))
    world.patch(made["id"], summary="Renamed")
    pair = only(collect(world.ground, feed))

    assert pair.meeting is not None
    assert (pair.event.title, pair.meeting.title, pair.meeting.differs) == ("Renamed", "Planning", ())


@pytest.mark.parametrize(
    ("day", "recurrence", "shown"),
    [(20, [], 0), (25, [], 1), (20, ["RRULE:FREQ=DAILY"], 1)],
)
def test_while_the_calendar_is_silent_only_what_is_to_come_is_shown(
    world: World, feed: str, day: int, recurrence: list[str], shown: int
) -> None:
    """Out of the ledger come coming events and series, without buttons for a whole series."""
    start = {"dateTime": f"2026-11-{day}T10:00:00", "timeZone": "Europe/Zurich"}
    end = {"dateTime": f"2026-11-{day}T11:00:00", "timeZone": "Europe/Zurich"}
    world.insert(start=start, end=end, recurrence=recurrence)
    world.settle()
    world.google_control("faults", method="GET", path="/events$", times=9, status=503)
    state = collect(world.ground, feed)

    assert len(state.pairs) == shown
    assert state.beyond == 1 - shown
    assert [pair.event.changeable for pair in state.pairs] == [not recurrence] * shown


def test_a_linked_event_whose_times_cannot_be_read_is_shown_last(world: World, feed: str) -> None:
    """Though the calendar is silent and nobody can tell when it is: a person should see it."""
    world.insert(summary="Odd")
    world.insert(summary="Even")
    world.settle()
    for document in world.store.query(ledger.COLLECTION):
        row = ledger.decode(document)
        assert row.seen is not None
        if row.seen.summary == "Odd":
            odd = msgspec.structs.replace(row.seen, start=EventTime(date_time="soon"))
            world.store.commit(ledger.put(msgspec.structs.replace(row, seen=odd), document.version))
    world.google_control("faults", method="GET", path="/events$", times=9, status=503)

    assert [pair.event.title for pair in collect(world.ground, feed).pairs] == ["Even", "Odd"]


def test_an_event_whose_times_cannot_be_read_is_shown_last(world: World, feed: str) -> None:
    """While the calendar is silent it is taken for one to come, and stands behind those that can be placed."""
    broken = world.insert(summary="Broken")
    world.insert(summary="Sound")
    world.settle()
    unread = {**world.event(broken["id"]), "start": {"dateTime": "soon"}}
    world.google_control("events", calendarId=ALICE, event=unread)
    world.insert(conferenceData=None)
    world.settle()
    world.google_control("faults", method="GET", path="/events$", times=9, status=503)
    state = collect(world.ground, feed)

    assert [pair.event.title for pair in state.pairs] == ["Sound", "Broken"]


def test_an_event_just_spoilt_shows_no_difference_to_its_meeting(world: World, feed: str) -> None:
    """What it wants cannot be told, before its change is heard of as after."""
    made = world.insert()
    world.settle()
    backwards = {"start": made["end"], "end": made["start"]}
    world.google_control("events", calendarId=ALICE, event={**world.event(made["id"]), **backwards})
    before = only(collect(world.ground, feed))
    world.settle()

    assert before.meeting is not None
    assert before.meeting.differs == ()


def test_what_lies_outside_the_days_is_counted(world: World, feed: str) -> None:
    """A linked event of next month is in nobody's way."""
    start = {"dateTime": "2027-01-12T10:00:00", "timeZone": "Europe/Zurich"}
    end = {"dateTime": "2027-01-12T11:00:00", "timeZone": "Europe/Zurich"}
    world.insert(start=start, end=end)
    world.settle()
    state = collect(world.ground, feed)

    assert (state.pairs, state.beyond) == ((), 1)
