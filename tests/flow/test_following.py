"""A calendar changes and its meetings follow: the plain cases of the main loop."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.world import World, asked

pytestmark = pytest.mark.usefixtures("feed")


def test_an_event_with_our_conference_gets_a_meeting_and_its_join_link(world: World) -> None:
    """Asking for a conference of ours makes one meeting, and the event carries its ways to join."""
    made = world.insert()
    world.settle()

    (meeting,) = world.meetings()
    event = world.event(made["id"])
    assert meeting["title"] == "Planning"
    assert meeting["start"].startswith("2026-11-24T")
    assert event["conferenceData"]["conferenceId"] == meeting["id"]
    assert event["conferenceData"]["entryPoints"][0]["uri"] == meeting["join_url"]
    assert event["conferenceData"]["parameters"]["addOnParameters"]["parameters"] == {"lockstep": "http"}


def test_a_change_of_the_event_reaches_the_meeting(world: World) -> None:
    """Renamed, moved and lengthened: the meeting follows, and keeps its id and join link."""
    made = world.insert()
    world.settle()
    (before,) = world.meetings()
    world.patch(
        made["id"],
        summary="Review",
        start={"dateTime": "2026-11-25T14:00:00", "timeZone": "Europe/Zurich"},
        end={"dateTime": "2026-11-25T16:00:00", "timeZone": "Europe/Zurich"},
    )
    world.settle()

    (after,) = world.meetings()
    assert (after["id"], after["join_url"]) == (before["id"], before["join_url"])
    assert after["title"] == "Review"
    assert (after["start"], after["end"]) == ("2026-11-25T13:00:00Z", "2026-11-25T15:00:00Z")


def test_people_follow(world: World) -> None:
    """An attendee added to the event is added to the meeting, and one removed is removed."""
    made = world.insert()
    world.settle()
    world.patch(made["id"], attendees=[{"email": "bob@example.com"}, {"email": "carol@example.com"}])
    world.settle()
    both = [person["email"] for person in world.meetings()[0]["attendees"]]
    world.patch(made["id"], attendees=[{"email": "carol@example.com"}])
    world.settle()

    assert both == ["bob@example.com", "carol@example.com"]
    assert [person["email"] for person in world.meetings()[0]["attendees"]] == ["carol@example.com"]


def test_a_cancelled_event_loses_its_meeting(world: World) -> None:
    """The tombstone has no conference data; the ledger knows whose meeting to delete."""
    made = world.insert()
    world.settle()
    world.cancel(made["id"])
    world.settle()

    assert world.meetings() == []
    (row,) = world.rows()
    assert row.link is None
    assert not row.pending


def test_removing_the_conference_deletes_the_meeting(world: World) -> None:
    """The event lives on, but its organizer took the conference off."""
    made = world.insert()
    world.settle()
    world.patch(made["id"], conferenceData=None)
    world.settle()

    assert world.meetings() == []
    assert "conferenceData" not in world.event(made["id"])


def test_adding_the_conference_again_makes_a_new_meeting(world: World) -> None:
    """A conference taken off and asked for again is a new one, not the old room come back."""
    made = world.insert()
    world.settle()
    (first,) = world.meetings()
    world.patch(made["id"], conferenceData=None)
    world.settle()
    world.patch(made["id"], conferenceData=asked())
    world.settle()

    (second,) = world.meetings()
    assert second["id"] != first["id"]
    assert second["key"] != first["key"]
    assert world.event(made["id"])["conferenceData"]["conferenceId"] == second["id"]


@pytest.mark.parametrize(
    "conference",
    [
        None,
        {**asked(), "parameters": {"addOnParameters": {"parameters": {"lockstep": "nobody"}}}},
        {
            "conferenceSolution": {"key": {"type": "addOn"}, "name": "Lockstep"},
            "entryPoints": [{"entryPointType": "video", "uri": "https://other.example/1"}],
        },
    ],
    ids=["ordinary", "unknown provider", "somebody else's of the same name"],
)
def test_what_is_not_ours_is_left_alone(world: World, conference: object) -> None:
    """No meeting, no row, no write: neither for ordinary events nor for other people's conferences."""
    made = world.insert(conferenceData=conference)
    world.settle()
    world.patch(made["id"], summary="Renamed")
    world.settle()
    world.cancel(made["id"])
    world.settle()

    assert world.meetings() == []
    assert world.rows() == []


def test_a_series_is_one_meeting_with_its_exceptions(world: World) -> None:
    """One occurrence moved, one cancelled, then the series renamed: the meeting has all three, and one join link."""
    made = world.insert(recurrence=["RRULE:FREQ=WEEKLY;COUNT=6"])
    world.settle()
    world.patch(
        f"{made['id']}_20261201T090000Z",
        start={"dateTime": "2026-12-02T15:00:00+01:00"},
        end={"dateTime": "2026-12-02T16:00:00+01:00"},
    )
    world.settle()
    world.cancel(f"{made['id']}_20261208T090000Z")
    world.settle()
    world.patch(made["id"], summary="Weekly")
    world.settle()

    (meeting,) = world.meetings()
    assert meeting["title"] == "Weekly"
    assert meeting["recurrence"] == ["RRULE:FREQ=WEEKLY;COUNT=6"]
    moved, cancelled = meeting["exceptions"]
    assert (moved["original_start"], moved["start"]) == ("2026-12-01T09:00:00Z", "2026-12-02T14:00:00Z")
    assert (cancelled["original_start"], cancelled["cancelled"]) == ("2026-12-08T09:00:00Z", True)


def test_a_cancelled_series_loses_its_meeting(world: World) -> None:
    """Deleting the series deletes the one meeting; deleting one occurrence before did not."""
    made = world.insert(recurrence=["RRULE:FREQ=WEEKLY;COUNT=6"])
    world.settle()
    world.cancel(f"{made['id']}_20261208T090000Z")
    world.settle()
    still = len(world.meetings())
    world.cancel(made["id"])
    world.settle()

    assert (still, world.meetings()) == (1, [])


def test_our_own_patch_comes_back_and_ends_in_nothing_to_do(world: World) -> None:
    """The echo of our write costs one list and nothing else: no provider call, no patch, no mark."""
    world.insert()
    world.settle()
    (row,) = world.rows()
    world.calls()
    world.clock.advance(timedelta(minutes=20))
    world.tick()
    world.settle()

    assert world.calls() == {"GET events": 1}
    assert world.rows() == [row]


def test_a_guest_copy_does_not_act(world: World) -> None:
    """An event that somebody else organizes is their calendar's to follow, not ours."""
    bob = world.client("bob@example.com")
    body = {
        "summary": "Bob's",
        "start": {"dateTime": "2026-11-24T10:00:00Z"},
        "end": {"dateTime": "2026-11-24T11:00:00Z"},
        "attendees": [{"email": "alice@example.com"}],
        "conferenceData": asked(),
    }
    bob.events().insert(calendarId="primary", body=body, conferenceDataVersion=1).execute()
    world.settle()

    assert world.meetings() == []
