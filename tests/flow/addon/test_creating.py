"""A conference is chosen in the editor, before its event is there: one meeting, which then follows the event."""

from __future__ import annotations

import msgspec

from conference.event import EventTime
from functions import ledger
from tests.flow.addon.desk import PLANNED, Desk
from tests.world import ALICE


def test_a_conference_comes_before_its_event(desk: Desk) -> None:
    """The editor gets a meeting at once; when the event is saved, the meeting takes its title and times."""
    desk.host.open(ALICE)
    desk.world.settle()
    conference = desk.conference("draft1")
    (placeholder,) = desk.world.meetings()
    desk.world.settle()
    desk.save("draft1", conference)
    (meeting,) = desk.world.meetings()
    event = desk.world.event("draft1")

    assert placeholder["title"] == "(No title)"
    assert (meeting["id"], meeting["title"], meeting["start"]) == (
        placeholder["id"],
        "Planning",
        "2026-11-24T09:00:00Z",
    )
    assert event["conferenceData"]["conferenceId"] == meeting["id"]
    assert [row.pending for row in desk.world.rows()] == [False]


def test_the_plain_case_costs_one_update(desk: Desk) -> None:
    """Nothing is asked of Google for a conference, and saving it costs one provider call and no write to the event."""
    desk.world.connect()
    desk.world.calls()
    conference = desk.conference("draft1")
    made = desk.world.calls()
    desk.world.settle()
    desk.host.save(ALICE, ALICE, "draft1", conference, **PLANNED)
    desk.world.calls()
    desk.world.settle()
    followed = desk.world.calls()

    assert dict(made) == {"POST meetings": 1}
    assert followed["PUT meetings"] == 1
    assert followed["PATCH event"] == followed["GET event"] == followed["GET meetings"] == 0


def test_asked_again_it_is_the_same_meeting(desk: Desk) -> None:
    """Google may repeat a call, the user may choose twice: one event has one meeting, before and after it is saved."""
    first, second = desk.conference("draft1"), desk.conference("draft1")
    desk.save("draft1", first)
    third = desk.conference("draft1")

    assert first == second == third
    assert len(desk.world.meetings()) == 1


def test_two_events_have_two_meetings(desk: Desk) -> None:
    """Their links are not mixed up, nor are those of one event id in two calendars."""
    desk.world.google_control("calendars", id="team@example.com", owner=ALICE, timeZone="Europe/Zurich")
    ids = {
        desk.conference("draft1")["conferenceId"],
        desk.conference("draft2")["conferenceId"],
        desk.conference("draft1", "team@example.com")["conferenceId"],
    }

    assert len(ids) == 3


def test_taken_off_and_chosen_again(desk: Desk) -> None:
    """After the removal was saved the old meeting is gone; choosing again makes a new one, which knows the event."""
    desk.world.connect()
    first = desk.conference("draft1")
    desk.save("draft1", first)
    desk.world.patch("draft1", conferenceData=None)
    desk.world.settle()
    removed = desk.titles()
    second = desk.conference("draft1")
    at_once = desk.titles()
    desk.save("draft1", second)

    assert (removed, at_once, desk.titles()) == ([], ["Planning"], ["Planning"])
    assert first["conferenceId"] != second["conferenceId"]


def test_primary_is_the_users_own_calendar(desk: Desk) -> None:
    """Google's pages name calendars by their ids; should a call say "primary", it is the same calendar."""
    by_id = desk.conference("draft1")
    by_name = desk.conference("draft1", "primary")
    card = desk.host.open(ALICE, "primary")

    assert by_id == by_name
    assert "being connected" in str(card)


def test_missing_scopes_are_asked_for(desk: Desk) -> None:
    """A user who has not granted all is asked for just what is missing, and the call is made again."""
    wanted = {scope for scope in desk.host.granted if "event.write" in scope or "userinfo" in scope}
    desk.host.granted -= wanted
    conference = desk.conference("draft1")

    assert conference["conferenceId"]
    assert wanted <= desk.host.granted


def test_an_event_that_cannot_be_read(desk: Desk) -> None:
    """One whose times are absurd gets a placeholder's meeting all the same."""
    desk.world.connect()
    conference = desk.conference("event1")
    desk.save("event1", conference)
    desk.world.patch("event1", conferenceData=None)
    desk.world.settle()
    (row,) = desk.world.rows()
    assert row.seen is not None
    absurd = msgspec.structs.replace(row, seen=msgspec.structs.replace(row.seen, start=EventTime(date="0001-01-01")))
    document = desk.world.store.get(ledger.key_of(row.feed, row.event))
    assert document is not None
    desk.world.store.commit(ledger.put(absurd, document.version))

    assert desk.conference("event1")
    assert desk.titles() == ["(No title)"]
