"""What the console shows while changes travel, over the real functions and the servers' cores."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from functions.console.actions import asking_for
from functions.console.state import collect
from functions.tracing import Trace, following
from tests.flow.console.shown import only
from tests.world import TOKEN, VENDOR, World, asked, event_body

OTHERS = {
    "conferenceSolution": {"key": {"type": "addOn"}, "name": "Zoom Meeting"},
    "conferenceId": "99",
    "entryPoints": [{"entryPointType": "video", "uri": "https://zoom.example/j/99"}],
}


def make_by_hand(world: World) -> None:
    """A meeting at the provider that nobody asked us for."""
    body = {
        "title": "By hand",
        "start": "2026-11-25T10:00:00Z",
        "end": "2026-11-25T11:00:00Z",
        "time_zone": "UTC",
        "host": "x@example.com",
    }
    headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": "by-hand"}
    world.http.post(f"{VENDOR}/meetings", headers=headers, json=body).raise_for_status()


def test_nothing_is_connected(world: World) -> None:
    """Before the first calendar, the page says so."""
    state = collect(world.ground)

    assert state.head is None
    assert state.missing == "No calendar is connected yet."


@pytest.mark.usefixtures("feed")
def test_a_feed_that_is_no_more(world: World) -> None:
    """An address of a calendar that was disconnected says so, and still offers the others."""
    state = collect(world.ground, "0" * 20)

    assert state.head is None
    assert state.missing == "This calendar is not connected any more."
    assert [tab.chosen for tab in state.tabs] == [False]


def test_the_head_tells_how_the_feed_stands(world: World, feed: str) -> None:
    """The calendar, its zone, the last run, the channel and the next poll."""
    state = collect(world.ground, feed)

    assert state.head is not None
    assert (state.head.calendar, state.head.zone) == ("alice@example.com", "Europe/Zurich")
    assert [fact.name for fact in state.head.facts] == ["last sync", "push until", "next poll"]
    assert state.chosen == feed


def test_an_event_is_followed_from_the_wish_to_the_meeting(world: World, feed: str) -> None:
    """New, then in step beside its meeting."""
    world.insert(attendees=[{"email": "ben@example.com"}])
    new = only(collect(world.ground, feed))
    world.settle()
    linked = only(collect(world.ground, feed))

    assert (new.line.word, new.meeting) == ("new", None)
    assert (linked.line.state, linked.event.people) == ("step", "1 person")
    assert linked.meeting is not None
    assert (linked.meeting.title, linked.meeting.when) == (linked.event.title, linked.event.when)
    assert linked.meeting.join_url.startswith(VENDOR)
    assert new.key == linked.key


def test_a_pair_names_the_trace_of_its_last_change(world: World, feed: str) -> None:
    """Under which the log tells how it came to be; one that nobody followed names none."""
    event = world.insert()["id"]
    world.settle()
    before = only(collect(world.ground, feed))
    world.patch(event, summary="Followed")
    with following(Trace("1f" * 16, "2e" * 8)):
        world.settle()

    assert (before.trace, only(collect(world.ground, feed)).trace) == ("", "1f" * 16)


def test_a_move_shows_before_it_is_carried_over(world: World, feed: str) -> None:
    """The two sides differ in time until the run has been."""
    event = world.insert()
    world.settle()
    start = {"dateTime": "2026-11-24T12:00:00", "timeZone": "Europe/Zurich"}
    end = {"dateTime": "2026-11-24T13:00:00", "timeZone": "Europe/Zurich"}
    world.patch(event["id"], start=start, end=end)
    before = only(collect(world.ground, feed))
    world.settle()
    after = only(collect(world.ground, feed))

    assert before.meeting is not None
    assert (before.line.state, before.meeting.differs) == ("differs", ("when",))
    assert after.meeting is not None
    assert (after.line.state, after.meeting.differs) == ("step", ())


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"summary": "Another name"}, ("title",)),
        ({"description": "Bring the figures"}, ("details",)),
        ({"attendees": [{"email": "cleo@example.com"}]}, ("details",)),
    ],
)
def test_every_difference_shows(world: World, feed: str, change: dict[str, Any], differs: tuple[str, ...]) -> None:
    """Title, people and words are compared too, as far as the provider tells what it holds."""
    event = world.insert()
    world.settle()
    world.patch(event["id"], **change)

    meeting = only(collect(world.ground, feed)).meeting

    assert meeting is not None
    assert meeting.differs == differs


def test_a_cancelled_event_stays_until_its_meeting_is_gone(world: World, feed: str) -> None:
    """Once a run has seen the cancellation and the provider is slow, the row says what goes on."""
    event = world.insert()
    world.settle()
    world.vendor_control("faults", method="DELETE", path="^/meetings", times=1, status=503)
    world.cancel(event["id"])
    world.settle(timedelta(seconds=2))
    going = only(collect(world.ground, feed))
    world.settle()

    assert going.event.gone
    assert going.line.state == "retrying"
    assert not going.event.changeable
    assert collect(world.ground, feed).pairs == ()


def test_a_series_is_one_row(world: World, feed: str) -> None:
    """The next date stands for the series; moving that date alone shows as a difference, then as none."""
    world.insert(recurrence=["RRULE:FREQ=DAILY;COUNT=30"])
    world.settle()
    pair = only(collect(world.ground, feed))
    start = {"dateTime": "2026-11-24T15:00:00", "timeZone": "Europe/Zurich"}
    end = {"dateTime": "2026-11-24T16:00:00", "timeZone": "Europe/Zurich"}
    world.patch(pair.event.id, start=start, end=end)
    moved = only(collect(world.ground, feed))
    world.settle()
    after = only(collect(world.ground, feed))

    assert pair.event.occurrence
    assert pair.event.later == "then Wed 25 Nov, Thu 26 Nov and 10 more"
    assert [badge.word for badge in pair.event.badges] == ["Lockstep · http", "repeats daily"]
    assert (pair.line.state, moved.line.state, after.line.state) == ("step", "differs", "step")
    assert moved.event.when.startswith("Tue 24 Nov, 15:00")


@pytest.mark.parametrize(
    ("fields", "badges"),
    [
        ({"conferenceData": None}, ["no conference"]),
        ({"conferenceData": OTHERS}, ["Zoom Meeting"]),
        ({"conferenceData": asked()}, ["Lockstep · http"]),
    ],
)
def test_whose_conference_it_is(world: World, feed: str, fields: dict[str, Any], badges: list[str]) -> None:
    """Ordinary events and other people's conferences are shown, and have no meeting of ours."""
    world.insert(**fields)
    world.settle()
    pair = only(collect(world.ground, feed))

    assert [badge.word for badge in pair.event.badges] == badges
    assert (pair.meeting is not None) == (pair.line.state == "step") == (badges == ["Lockstep · http"])


def test_a_guests_copy_has_no_buttons(world: World, feed: str) -> None:
    """What somebody else organises is theirs to change."""
    body = {
        "summary": "Theirs",
        "start": {"dateTime": "2026-11-24T10:00:00Z"},
        "end": {"dateTime": "2026-11-24T11:00:00Z"},
        "attendees": [{"email": "alice@example.com"}],
    }
    world.client("bob@example.com").events().insert(calendarId="primary", body=body).execute()
    pair = only(collect(world.ground, feed))

    assert not pair.event.changeable
    assert [badge.word for badge in pair.event.badges] == ["no conference", "of bob@example.com"]


def test_a_meeting_that_no_event_holds(world: World, feed: str) -> None:
    """It is shown at the end, and left alone."""
    make_by_hand(world)
    (orphan,) = collect(world.ground, feed).orphans

    assert (orphan.title, orphan.note) == ("By hand", "made by somebody else: left alone")


def test_a_meeting_of_another_calendar_is_no_orphan(world: World, feed: str) -> None:
    """A provider's list covers all calendars; the page covers one."""
    second = world.connect(user="bob@example.com")
    body = {**event_body(), "summary": "Bob's"}
    world.client("bob@example.com").events().insert(calendarId="primary", body=body, conferenceDataVersion=1).execute()
    world.settle()

    assert collect(world.ground, feed).orphans == ()
    assert only(collect(world.ground, second)).line.state == "step"
    assert [tab.calendar for tab in collect(world.ground).tabs] == ["alice@example.com", "bob@example.com"]


def test_the_newest_runs(world: World, feed: str) -> None:
    """Newest first, with their figures."""
    world.insert()
    world.settle()
    run = next(each for each in collect(world.ground, feed).runs if each.marks == "1")

    assert (run.function, run.changes, run.failures) == ("sync_calendar", "1", "0")


def test_a_wish_is_put_as_the_flow_expects_it() -> None:
    """The console asks for a conference as everybody else must."""
    assert asking_for("http") == asked("http")


def test_the_likely_start_is_soon(world: World, feed: str) -> None:
    """On the wall of the calendar, in the form a browser's field takes."""
    assert datetime.fromisoformat(collect(world.ground, feed).soon) == datetime(2026, 11, 23, 11)  # noqa: DTZ001 - on the wall
