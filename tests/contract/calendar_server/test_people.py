"""Organizers, guests and their copies (contract 6), roles (11, 14.12)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.calendar_server.desk import ALICE, BOB, CAROL, Desk, hours, ids, plain, refused, run, with_header

GUESTS = [{"email": BOB}, {"email": CAROL}]


@pytest.fixture
def party(desk: Desk) -> Desk:
    """Alice, Bob and Carol have used the server already."""
    for user in (ALICE, BOB, CAROL):
        desk.token(user)
    return desk


def answers(event: dict[str, Any]) -> dict[str, str]:
    """Each attendee's response."""
    return {row["email"]: row["responseStatus"] for row in event["attendees"]}


def accepting(event: dict[str, Any], user: str, response: str = "accepted") -> list[dict[str, Any]]:
    """The event's attendees with one answer changed."""
    return [{**row, "responseStatus": response} if row["email"] == user else row for row in event["attendees"]]


def test_an_invitation_appears_on_the_guests_calendar(party: Desk) -> None:
    """6.1, 6.3: same id and UID; `self` and `organizer.self` are relative to the calendar."""
    made = party.insert(attendees=[*GUESTS, {"email": ALICE, "responseStatus": "accepted"}], summary="tea")
    copy = party.get(made["id"], BOB)

    assert (copy["iCalUID"], copy["summary"]) == (made["iCalUID"], "tea")
    assert made["organizer"] == {"email": ALICE, "self": True}
    assert copy["organizer"] == {"email": ALICE}
    assert [row["email"] for row in copy["attendees"] if row.get("self")] == [BOB]
    assert [row["email"] for row in made["attendees"] if row.get("self")] == [ALICE]
    assert [row["email"] for row in copy["attendees"] if row.get("organizer")] == [ALICE]


def test_an_invitation_waits_for_a_calendar_that_comes_into_being_later(desk: Desk) -> None:
    """A guest who uses the server for the first time finds what they were invited to, a series with its gaps too."""
    single = desk.insert(attendees=GUESTS)["id"]
    master = desk.insert(**hours("2026-12-01", 10, 11), recurrence=["RRULE:FREQ=DAILY;COUNT=3"], attendees=GUESTS)["id"]
    desk.delete(f"{master}_20261202T090000Z")

    assert ids(desk.page(BOB, showDeleted=True)["items"]) == [single, master, f"{master}_20261202T090000Z"]
    assert len(desk.page(BOB, singleEvents=True)["items"]) == 3


def test_self_is_absent_on_secondary_calendars(party: Desk) -> None:
    """6.3: relative to the calendar in the path, not to the token's user."""
    party.control("calendars", id="team@example.com", owner=ALICE, timeZone="UTC", summary="Team")
    made = party.insert(calendar="team@example.com", attendees=[{"email": ALICE}])

    assert made["organizer"] == {"email": "team@example.com", "displayName": "Team", "self": True}
    assert made["creator"] == {"email": ALICE}
    assert "self" not in made["attendees"][0]
    assert party.get(made["id"])["attendees"][0]["self"] is True


def test_one_edit_changes_every_copy(party: Desk) -> None:
    """6.2: n watched guests, n changed copies."""
    event = party.insert(attendees=GUESTS)["id"]
    tokens = {user: party.token(user) for user in (BOB, CAROL)}
    party.patch(event, summary="moved", end={"dateTime": "2026-12-01T13:00:00Z"})

    for user, token in tokens.items():
        assert [(item["id"], item["summary"]) for item in party.changes(token, user)] == [(event, "moved")]


def test_what_is_private_to_a_copy_stays_there(party: Desk) -> None:
    """6.1: reminders, colour, transparency, private properties."""
    event = party.insert(
        attendees=GUESTS, extendedProperties={"private": {"a": "1"}, "shared": {"s": "1"}}, colorId="3"
    )
    own: dict[str, Any] = {"colorId": "5", "transparency": "transparent", "extendedProperties": {"private": {"b": "2"}}}
    party.patch(event["id"], BOB, **own)
    party.patch(event["id"], summary="renamed", colorId="4", extendedProperties={"shared": {"s": "2"}})
    copy = party.get(event["id"], BOB)

    assert (copy["summary"], copy["colorId"], copy["transparency"]) == ("renamed", "5", "transparent")
    assert copy["extendedProperties"] == {"private": {"b": "2"}, "shared": {"s": "2"}}
    assert party.get(event["id"])["extendedProperties"] == {"private": {"a": "1"}, "shared": {"s": "2"}}


def test_a_guests_answer_goes_back_and_changes_the_main_copy(party: Desk) -> None:
    """6.4: etag moved and reported; the other guests see it too."""
    event = party.insert(attendees=GUESTS)
    token = party.token()
    party.patch(event["id"], BOB, attendees=accepting(event, BOB))
    (told,) = party.changes(token)

    assert told["etag"] != event["etag"]
    assert answers(told) == {BOB: "accepted", CAROL: "needsAction"}
    assert answers(party.get(event["id"], CAROL)) == answers(told)


def test_a_guests_other_edits_stay_local(party: Desk) -> None:
    """6.1: until the organizer changes the same field."""
    event = party.insert(attendees=GUESTS, summary="hers")["id"]
    token = party.token()
    party.patch(event, BOB, summary="his", location="kitchen")
    told = party.changes(token)
    party.patch(event, summary="hers again")
    copy = party.get(event, BOB)

    assert told == []
    assert (copy["summary"], copy["location"]) == ("hers again", "kitchen")


def test_a_guest_cannot_change_shared_guest_flags(party: Desk) -> None:
    """7.6: a PUT without them counts as setting them to their defaults."""
    event = party.insert(attendees=GUESTS, guestsCanInviteOthers=False)["id"]
    put = party.events(BOB).update(calendarId="primary", eventId=event, body={**plain(), "attendees": GUESTS})
    patch = party.events(BOB).patch(calendarId="primary", eventId=event, body={"guestsCanModify": True})

    assert refused(put) == (403, "forbiddenForNonOrganizer")
    assert refused(patch) == (403, "forbiddenForNonOrganizer")
    assert run(party.events().update(calendarId="primary", eventId=event, body=plain()))["id"] == event


def test_a_guest_who_deletes_their_copy_has_declined(party: Desk) -> None:
    """6.6, 4.2: the organizer sees the answer; later edits do not bring the copy back."""
    event = party.insert(attendees=GUESTS)["id"]
    party.delete(event, BOB)
    party.patch(event, summary="changed")

    assert answers(party.get(event)) == {BOB: "declined", CAROL: "needsAction"}
    assert party.page(BOB)["items"] == []


def test_declining_leaves_the_event_in_the_list(party: Desk) -> None:
    """6.6: with responseStatus declined on the self row."""
    event = party.insert(attendees=GUESTS)
    party.patch(event["id"], BOB, attendees=accepting(event, BOB, "declined"))
    (item,) = party.page(BOB)["items"]

    assert [row["responseStatus"] for row in item["attendees"] if row.get("self")] == ["declined"]


def test_a_guest_who_is_uninvited_loses_the_copy_and_gets_it_back(party: Desk) -> None:
    """The copy follows the list of attendees."""
    event = party.insert(attendees=GUESTS)["id"]
    party.patch(event, attendees=[{"email": CAROL}])
    without = party.page(BOB)["items"]
    party.patch(event, attendees=GUESTS)

    assert without == []
    assert ids(party.page(BOB)["items"]) == [event]


@pytest.mark.parametrize(("updates", "kept"), [("none", True), ("all", False), (None, False)])
def test_deleting_quietly_leaves_the_copies(party: Desk, updates: str | None, *, kept: bool) -> None:
    """6.10: with sendUpdates=none the event stays on the guests' calendars."""
    event = party.insert(attendees=GUESTS)["id"]
    party.delete(event, **({"sendUpdates": updates} if updates else {}))

    assert (ids(party.page(BOB)["items"]) == [event]) is kept


def test_a_series_is_answered_as_a_whole_or_occurrence_by_occurrence(party: Desk) -> None:
    """The organizer's occurrence becomes an exception that carries the answer."""
    event = party.insert(**hours("2026-12-01", 10, 11), recurrence=["RRULE:FREQ=DAILY;COUNT=3"], attendees=GUESTS)
    instance = f"{event['id']}_20261202T090000Z"
    party.patch(instance, BOB, attendees=accepting(event, BOB, "declined"))
    party.patch(event["id"], BOB, attendees=accepting(event, BOB, "accepted"))

    assert answers(party.get(event["id"]))[BOB] == "accepted"
    assert answers(party.get(instance))[BOB] == "declined"
    assert answers(party.get(instance, CAROL))[BOB] == "declined"


def test_a_guests_own_event_under_the_same_id_is_left_alone(party: Desk) -> None:
    """Ids are unique per calendar only."""
    party.insert(BOB, id="sameid", summary="mine")
    party.insert(id="sameid", summary="hers", attendees=GUESTS)

    assert party.get("sameid", BOB)["summary"] == "mine"


def test_a_copy_is_shown_in_its_own_calendars_zone(desk: Desk) -> None:
    """11: the calendar's zone, unless asked otherwise."""
    desk.control("calendars", id=BOB, owner=BOB, timeZone="America/New_York")
    event = desk.insert(attendees=GUESTS)["id"]
    tokyo = run(desk.events(BOB).get(calendarId="primary", eventId=event, timeZone="Asia/Tokyo"))

    assert desk.get(event, BOB)["start"]["dateTime"] == "2026-12-01T05:00:00-05:00"
    assert tokyo["start"]["dateTime"] == "2026-12-01T19:00:00+09:00"


def test_answers_storm_without_losing_one(desk: Desk) -> None:
    """6.4: each RSVP is a change; the last state has them all."""
    users = [f"guest{n}@example.com" for n in range(12)]
    event = desk.insert(attendees=[{"email": user} for user in users])
    for user in users:
        desk.patch(event["id"], user, attendees=accepting(desk.get(event["id"], user), user))

    assert answers(desk.get(event["id"])) == dict.fromkeys(users, "accepted")
    assert answers(desk.get(event["id"], users[0])) == dict.fromkeys(users, "accepted")


@pytest.mark.parametrize("role", ["reader", "writerWithoutPrivateAccess", "writer", "owner"])
def test_roles_decide_who_may_write_and_who_sees_private_events(desk: Desk, role: str) -> None:
    """6.7, 14.12: 403 requiredAccessLevel; private details hidden below writer."""
    desk.control("calendars", id="team@example.com", owner=ALICE, timeZone="UTC", roles={BOB: role})
    event = desk.insert(calendar="team@example.com", summary="secret", visibility="private")
    request = desk.events(BOB).insert(calendarId="team@example.com", body=plain())
    (item,) = desk.page(BOB, "team@example.com")["items"]
    hidden = role in {"reader", "writerWithoutPrivateAccess"}

    assert ("summary" not in item) is hidden
    assert (item["id"], item["visibility"]) == (event["id"], "private")
    if role == "reader":
        assert refused(request) == (403, "requiredAccessLevel")
    elif role in {"writer", "owner"}:
        assert run(request)["status"] == "confirmed"


def test_a_calendar_without_access_does_not_exist(desk: Desk) -> None:
    """10.1: 404 for no access, as for none."""
    desk.insert()

    assert refused(desk.events(BOB).list(calendarId=ALICE)) == (404, "notFound")
    assert refused(desk.events(BOB).list(calendarId="nobody@example.com")) == (404, "notFound")
    assert refused(with_header(desk.events(BOB).delete(calendarId=ALICE, eventId="x"), "If-Match", "*"))[0] == 404
