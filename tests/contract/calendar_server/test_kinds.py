"""Types of events, and what a guest's copy lets its guest do (contract 4.4, 6)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.calendar_server.desk import ALICE, BOB, CAROL, Desk, hours, ids, plain, refused, run

TEAM = "team@example.com"
DAILY: dict[str, Any] = {**hours("2026-12-01", 10, 11), "recurrence": ["RRULE:FREQ=DAILY;COUNT=5"]}
BIRTHDAY: dict[str, Any] = {
    "eventType": "birthday",
    "start": {"date": "2026-12-01"},
    "end": {"date": "2026-12-02"},
    "recurrence": ["RRULE:FREQ=YEARLY"],
    "visibility": "private",
    "transparency": "transparent",
}


@pytest.fixture
def party(desk: Desk) -> Desk:
    """Alice, Bob and Carol have calendars."""
    for user in (ALICE, BOB, CAROL):
        desk.token(user)
    return desk


@pytest.mark.parametrize("kind", ["focusTime", "outOfOffice", "workingLocation"])
def test_some_types_live_on_primary_calendars_only(desk: Desk, kind: str) -> None:
    """4.4: elsewhere they are refused."""
    desk.control("calendars", id=TEAM, owner=ALICE, timeZone="UTC")
    request = desk.events().insert(calendarId=TEAM, body={**plain(), "eventType": kind})

    assert desk.insert(eventType=kind)["eventType"] == kind
    assert refused(request) == (400, "invalid")


@pytest.mark.parametrize(
    "fields",
    [
        {"recurrence": ["RRULE:FREQ=MONTHLY"]},
        {"recurrence": None},
        {"visibility": "public"},
        {"transparency": None},
        plain(),
    ],
)
def test_a_birthday_is_a_private_day_of_every_year(desk: Desk, fields: dict[str, Any]) -> None:
    """4.4: all-day, yearly, private, transparent."""
    body = {**BIRTHDAY, **fields}

    assert desk.insert(**BIRTHDAY)["eventType"] == "birthday"
    assert refused(desk.events().insert(calendarId="primary", body=body)) == (400, "invalid")


@pytest.mark.parametrize(
    ("fields", "taken"),
    [
        ({"summary": "Bob's"}, True),
        ({"colorId": "3"}, True),
        ({"start": {"date": "2026-12-03"}, "end": {"date": "2026-12-04"}}, True),
        ({"location": "here"}, False),
        ({"attendees": [{"email": BOB}]}, False),
    ],
)
def test_of_a_birthday_little_can_be_changed(desk: Desk, fields: dict[str, Any], *, taken: bool) -> None:
    """4.4: summary, colour, reminders, day."""
    event = desk.insert(**BIRTHDAY)["id"]
    request = desk.events().patch(calendarId="primary", eventId=event, body=fields)

    assert run(request)["id"] == event if taken else refused(request) == (400, "invalid")


@pytest.mark.parametrize(
    ("fields", "taken"), [({"colorId": "3"}, True), ({"visibility": "private"}, True), ({"summary": "x"}, False)]
)
def test_an_event_from_mail_is_made_by_nobody_and_changed_a_little(
    desk: Desk, fields: dict[str, Any], *, taken: bool
) -> None:
    """4.4: fromGmail cannot be created."""
    desk.page()
    raw = {"id": "flight", "status": "confirmed", "eventType": "fromGmail", **plain()}
    desk.control("events", calendarId=ALICE, event=raw)
    request = desk.events().patch(calendarId="primary", eventId="flight", body=fields)
    made = desk.events().insert(calendarId="primary", body={**plain(), "eventType": "fromGmail"})

    assert refused(made) == (400, "invalid")
    assert run(request)["id"] == "flight" if taken else refused(request) == (400, "invalid")


@pytest.mark.parametrize(("fields", "status"), [({"summary": "x"}, 403), ({"colorId": "3"}, 200)])
def test_a_locked_copy_keeps_its_main_fields(desk: Desk, fields: dict[str, Any], status: int) -> None:
    """4.4: `locked` is read-only and forbids times, texts and recurrence."""
    desk.page()
    desk.control("events", calendarId=ALICE, event={"id": "locked0", "status": "confirmed", "locked": True, **plain()})

    assert desk.raw("PATCH", f"/calendar/v3/calendars/{ALICE}/events/locked0", fields).status == status


@pytest.mark.parametrize(
    ("of_all", "of_one", "expected"),
    [
        ("default", "private", ("private", "private")),
        ("public", "private", ("private", "private")),
        ("private", "public", ("private", "private")),
        ("private", "default", ("private", "private")),
        ("public", "default", ("default", "default")),
    ],
)
def test_visibility_of_one_occurrence_is_that_of_all_if_stricter(
    desk: Desk, of_all: str, of_one: str, expected: tuple[str, str]
) -> None:
    """4.4: a looser one is ignored."""
    master = desk.insert(**DAILY, visibility=of_all)["id"]
    instance = desk.patch(f"{master}_20261202T090000Z", visibility=of_one)

    assert (instance.get("visibility", "default"), desk.get(master).get("visibility", "default")) == expected


def test_extended_properties_have_a_size(desk: Desk) -> None:
    """4.4: 300 of them, 32 kB."""
    many = {"private": {f"k{number}": "x" for number in range(301)}}
    large = {"private": {f"k{number}": "x" * 1024 for number in range(33)}}
    for properties in (many, large):
        body = {**plain(), "extendedProperties": properties}
        assert refused(desk.events().insert(calendarId="primary", body=body)) == (400, "invalid")
    assert desk.insert(extendedProperties={"private": {f"k{number}": "x" * 100 for number in range(300)}})["id"]


@pytest.mark.parametrize(("knob", "expected"), [("all", ["both00"]), ("any", ["both00", "one00"])])
def test_repeated_property_filters(desk: Desk, knob: str, expected: list[str]) -> None:
    """2.1, Q11: the reference says all must match, the guide any: a knob; private and shared are always both asked."""
    desk.insert(id="both00", extendedProperties={"private": {"a": "1", "b": "2"}, "shared": {"s": "1"}})
    desk.insert(id="one00", extendedProperties={"private": {"a": "1"}, "shared": {"s": "1"}})
    desk.insert(id="none00", extendedProperties={"private": {"a": "1"}})
    desk.control("knobs", propertyFilter=knob)
    page = desk.page(privateExtendedProperty=["a=1", "b=2"], sharedExtendedProperty="s=1")

    assert sorted(ids(page["items"])) == expected


# ---- guests


def test_guests_may_modify_if_the_organizer_lets_them(party: Desk) -> None:
    """DISC guestsCanModify: their edits reach the main copy and the other guests; private fields stay theirs."""
    guests = [{"email": BOB}, {"email": CAROL}]
    event = party.insert(guestsCanModify=True, attendees=guests, **hours("2026-12-01", 10, 11))["id"]
    party.patch(event, BOB, summary="better", colorId="4", **hours("2026-12-02", 8, 9))
    main, other = party.get(event), party.get(event, CAROL)

    assert main["summary"] == other["summary"] == "better"
    assert main["start"] == other["start"] == party.get(event, BOB)["start"]
    assert "colorId" not in {**main, **other}
    assert main["sequence"] == 1
    assert main["organizer"] == {"email": ALICE, "self": True}


def test_a_guest_who_may_modify_can_invite(party: Desk) -> None:
    """DISC guestsCanModify: the new guest gets a copy from the organizer."""
    event = party.insert(guestsCanModify=True, attendees=[{"email": BOB}])["id"]
    party.patch(event, BOB, attendees=[{"email": BOB}, {"email": CAROL}])

    assert party.get(event, CAROL)["organizer"]["email"] == ALICE
    assert [row["email"] for row in party.get(event)["attendees"]] == [BOB, CAROL]


def test_guests_see_only_themselves_if_the_organizer_wants_it(party: Desk) -> None:
    """DISC guestsCanSeeOtherGuests: the rest is omitted, until it is allowed again."""
    guests = [{"email": BOB}, {"email": CAROL}]
    event = party.insert(guestsCanSeeOtherGuests=False, attendees=guests)["id"]
    hidden = party.get(event, BOB)
    party.patch(event, BOB, attendees=[{"email": BOB, "responseStatus": "accepted"}])
    main = party.get(event)
    party.patch(event, guestsCanSeeOtherGuests=True)
    shown = party.get(event, BOB)

    assert [row["email"] for row in hidden["attendees"]] == [BOB]
    assert hidden["attendeesOmitted"] is True
    assert [row["responseStatus"] for row in main["attendees"]] == ["accepted", "needsAction"]
    assert [row["email"] for row in shown["attendees"]] == [BOB, CAROL]
    assert "attendeesOmitted" not in shown


@pytest.mark.parametrize("way", ["patch", "update"])
def test_an_update_of_omitted_attendees_is_an_answer_and_nothing_else(party: Desk, way: str) -> None:
    """6.11: attendeesOmitted=true limits it to the participant's own response."""
    event = party.insert(summary="Talk", attendees=[{"email": BOB}, {"email": CAROL}])["id"]
    rows = [{"email": BOB, "responseStatus": "declined"}]
    body = {**plain(), "summary": "other", "attendeesOmitted": True, "attendees": rows}
    run(getattr(party.events(BOB), way)(calendarId="primary", eventId=event, body=body))

    assert [row["responseStatus"] for row in party.get(event)["attendees"]] == ["declined", "needsAction"]
    assert party.get(event, BOB)["summary"] == "Talk"
    assert len(party.get(event, BOB)["attendees"]) == 2


@pytest.mark.parametrize(("guests", "carried"), [(200, True), (201, False)])
def test_over_200_guests_answer_to_nobody(party: Desk, guests: int, *, carried: bool) -> None:
    """6.5: their responses are not propagated."""
    rows = [{"email": BOB}, *({"email": f"guest{number}@example.com"} for number in range(guests - 1))]
    event = party.insert(attendees=rows)["id"]
    party.patch(event, BOB, attendees=[{"email": BOB, "responseStatus": "accepted"}, *rows[1:]])

    answer = party.get(event)["attendees"][0]["responseStatus"]
    assert answer == ("accepted" if carried else "needsAction")
    assert party.get(event, BOB)["attendees"][0]["responseStatus"] == "accepted"


@pytest.mark.parametrize("way", ["patch", "update"])
@pytest.mark.parametrize("flag", ["guestsCanModify", "guestsCanInviteOthers", "guestsCanSeeOtherGuests"])
def test_shared_flags_are_the_organizers(party: Desk, way: str, flag: str) -> None:
    """7.6, 10.1: 403 forbiddenForNonOrganizer, on PUT by leaving them out."""
    default = flag != "guestsCanModify"
    flags: dict[str, Any] = {flag: not default}
    event = party.insert(attendees=[{"email": BOB}], **flags)
    body = {**plain(), flag: default} if way == "patch" else plain()

    request = getattr(party.events(BOB), way)(calendarId="primary", eventId=event["id"], body=body)
    assert refused(request) == (403, "forbiddenForNonOrganizer")
