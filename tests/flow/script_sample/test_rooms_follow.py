"""What people do to events and what becomes of their rooms, in both styles: scenarios S2 to S6 and S14 to S19."""

from __future__ import annotations

from typing import Any

import pytest

from examples.rooms import Wish
from functions import script
from tests.flow.script_sample.world import BOB, NOTHING, TEAM, TIMES, WEEKLY, SampleWorld, tokens
from tests.world import ALICE


def odd(world: SampleWorld, calendar: str = ALICE, **event: Any) -> None:
    """An event as no client of ours would write it."""
    world.google_control("events", calendarId=calendar, event={"status": "confirmed", **event})


def test_s2_an_ordinary_event(begun: SampleWorld) -> None:
    """Nothing to do, and the token goes on."""
    before = tokens(begun)
    event = begun.insert(conferenceData=None)["id"]
    begun.wait(1)
    begun.patch(event, summary="Another title")
    begun.wait(1)

    assert begun.rooms.done() == NOTHING
    assert tokens(begun)[ALICE] != before[ALICE]


def test_s3_an_own_event_is_moved(begun: SampleWorld) -> None:
    """The room is moved once, to the new time."""
    begun.meet("planning")
    begun.move_to(15, "planning")
    begun.wait(2)

    assert begun.rooms.done() == {"update": 1}
    assert begun.rooms.standing["room-1"].start.startswith("2026-11-24T15")


def test_s4_an_own_event_is_deleted(begun: SampleWorld) -> None:
    """The room goes once, by what was noted of it; a second tombstone is nobody's."""
    begun.meet("planning")
    begun.cancel("planning")
    begun.wait(2)
    assert begun.rooms.done() == {"delete": 1}
    begun.patch("planning", status="confirmed")
    begun.wait(1)
    begun.cancel("planning")
    begun.wait(2)

    assert begun.rooms.done() == NOTHING


def test_s5_a_tombstone_of_an_unknown_event(begun: SampleWorld) -> None:
    """Made and deleted between two looks."""
    begun.google_control("push", silent=True)
    begun.cancel(begun.insert(conferenceData=None)["id"])
    begun.wait(16)

    assert begun.rooms.done() == NOTHING
    assert all(one.last_error is None for one in begun.triggers())


def test_s6_odd_events_among_others(begun: SampleWorld) -> None:
    """A pending conference, an event with hardly a field, ordinary ones: the good ones' rooms follow."""
    for name in ("first", "second", "third"):
        begun.meet(name)
    before = tokens(begun)
    for name in ("first", "second", "third"):
        begun.move_to(16, name)
    odd(begun, id="pending1", conferenceData={"createRequest": {"requestId": "1", "status": {"statusCode": "pending"}}})
    odd(begun, id="barest1")
    for _ in range(5):
        begun.insert(conferenceData=None)
    begun.wait(16)

    assert begun.rooms.done() == {"update": 3}
    assert tokens(begun) != before
    assert all(one.last_error is None for one in begun.triggers())


@pytest.mark.parametrize(
    "instead",
    [
        None,
        {
            "conferenceSolution": {"key": {"type": "hangoutsMeet"}, "name": "Google Meet"},
            "conferenceId": "aaa-bbbb-ccc",
        },
    ],
)
def test_s14_the_conference_is_taken_out(begun: SampleWorld, instead: object) -> None:
    """Removed, or switched to Meet: the event lives on, its room does not."""
    event = begun.meet("planning")
    google = {"conferenceData": instead and {**event["conferenceData"], **instead}}  # type: ignore[dict-item]
    begun.google_control(
        "events", calendarId=ALICE, event={**event, **google, "updated": begun.clock.now().isoformat()}
    )
    begun.wait(16)

    assert begun.rooms.done() == {"delete": 1}
    assert begun.event("planning")["status"] == "confirmed"


def test_s15_occurrences(begun: SampleWorld) -> None:
    """One is moved, one cancelled: the series' room stays as it is."""
    begun.meet("series", recurrence=WEEKLY)
    start, end = ({"dateTime": f"2026-12-02T{hour}:00:00+01:00"} for hour in (15, 16))
    begun.patch("series_20261201T090000Z", start=start, end=end)
    begun.cancel("series_20261208T090000Z")
    begun.wait(2)

    assert begun.rooms.done() == NOTHING


def test_s16_this_and_following(begun: SampleWorld) -> None:
    """Two series hold one room, which goes with the second."""
    event = begun.meet("series", recurrence=WEEKLY)
    begun.patch("series", recurrence=["RRULE:FREQ=WEEKLY;UNTIL=20261207T235959Z"])
    times: dict[str, Any] = {
        name: {"dateTime": f"2026-12-08T{hour}:00:00", "timeZone": "Europe/Zurich"} for name, hour in TIMES
    }
    begun.insert(id="rest0", summary="series", conferenceData=event["conferenceData"], recurrence=WEEKLY, **times)
    begun.wait(1)
    assert begun.rooms.done() == {"update": 1}  # the first series ends earlier
    begun.cancel("series")
    begun.wait(1)
    assert begun.rooms.done() == NOTHING
    begun.cancel("rest0")
    begun.wait(1)

    assert begun.rooms.done() == {"delete": 1}


@pytest.mark.parametrize("first", ["here", "there"])
def test_s17_moved_to_another_followed_calendar(teamed: SampleWorld, first: str) -> None:
    """The room goes along, whichever calendar is looked at first: nothing deleted, nothing made, the same link."""
    event = teamed.meet("planning")
    teamed.google_control("push", silent=True)
    teamed.act("POST", "primary", "planning/move", body={}, destination=TEAM)
    if first == "there":
        teamed.google_control("push")
        teamed.patch("planning", TEAM, description="here now")
    teamed.wait(16)
    assert teamed.rooms.done() == NOTHING
    there = teamed.event("planning", TEAM)
    assert there["conferenceData"]["entryPoints"] == event["conferenceData"]["entryPoints"]
    teamed.move_to(18, "planning", TEAM)
    teamed.wait(16)

    assert teamed.rooms.done() == {"update": 1}
    with teamed.scripting():
        assert [one.calendar_id for one in script.conferences.holding("room-1")] == [TEAM]


def test_s18_a_guest(begun: SampleWorld) -> None:
    """A guest's copy, what they do with it, and their answer concern no room."""
    begun.begin(user=BOB)
    begun.meet("planning", attendees=[{"email": BOB}])
    begun.patch("planning", by=BOB, attendees=[{"email": BOB, "responseStatus": "accepted"}])
    begun.wait(1)
    begun.cancel("planning", by=BOB)
    begun.wait(1)

    assert begun.rooms.done() == NOTHING


def test_s19_its_own_patch_comes_back(begun: SampleWorld) -> None:
    """The room's PIN changes as it is moved; the event gets it by one patch, and nothing comes of the echo."""
    begun.meet("planning")
    begun.api.patches = 0
    begun.rooms.pin = "2"
    begun.move_to(16, "planning")
    begun.wait(16)

    assert begun.rooms.done() == {"update": 1}
    assert begun.api.patches == 1
    assert begun.event("planning")["conferenceData"]["entryPoints"][1]["pin"] == "2"


def test_s19_a_persons_edit_in_between_is_kept(begun: SampleWorld) -> None:
    """The patch is refused as the event is another by then, and decided anew."""
    begun.meet("planning")
    begun.rooms.pin = "2"
    edited: list[str] = []

    def edit(_what: str, _wish: Wish) -> None:
        if not edited:
            edited.append("once")
            begun.patch("planning", location="Room 5")

    begun.rooms.after = edit
    begun.move_to(16, "planning")
    begun.wait(16)

    event = begun.event("planning")
    assert (event["location"], event["conferenceData"]["entryPoints"][1]["pin"]) == ("Room 5", "2")
