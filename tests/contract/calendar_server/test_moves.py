"""events.move and events.import (contract 4.2, 6.8, 6.9, 15.14)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.calendar_server.desk import (
    ALICE,
    BOB,
    CAROL,
    Desk,
    add_on,
    hours,
    ids,
    plain,
    refused,
    run,
    with_header,
)

TEAM = "team@example.com"
DAILY = {**hours("2026-12-01", 10, 11), "recurrence": ["RRULE:FREQ=DAILY;COUNT=5"]}


@pytest.fixture
def office(desk: Desk) -> Desk:
    """Alice has a second calendar; Bob and Carol have theirs."""
    desk.control("calendars", id=TEAM, owner=ALICE, timeZone="UTC", summary="Team")
    desk.token(BOB)
    desk.token(CAROL)
    return desk


def move(desk: Desk, event: str, destination: str = TEAM, calendar: str = "primary", user: str = ALICE) -> Any:
    """The request that moves an event."""
    return desk.events(user).move(calendarId=calendar, eventId=event, destination=destination)


def at(desk: Desk, calendar: str, event: str) -> dict[str, Any]:
    """The event as it stands on a calendar of Alice's."""
    return run(desk.events().get(calendarId=calendar, eventId=event))


def test_a_moved_event_keeps_what_it_is_and_changes_its_organizer(office: Desk) -> None:
    """6.8, 15.14: id, iCalUID, conference; the answer says cancelled though the move worked."""
    event = office.insert(summary="Talk", conferenceData=add_on())
    answer = run(move(office, event["id"]))
    moved = at(office, TEAM, event["id"])

    assert answer["status"] == "cancelled"
    assert moved["organizer"] == {"email": TEAM, "displayName": "Team", "self": True}
    assert {name for name in event if moved.get(name) != event[name]} == {"etag", "creator", "organizer", "htmlLink"}
    assert moved["creator"] == {"email": ALICE}


def test_the_source_tells_of_a_cancelled_event_with_hardly_more_than_its_id(office: Desk) -> None:
    """4.2, Q16: the old organizer is no guest; the target tells of a new event."""
    event = office.insert(summary="Talk")["id"]
    source, target = office.token(), office.page(calendar=TEAM)["nextSyncToken"]
    run(move(office, event))
    (gone,) = office.changes(source)
    (come,) = office.page(calendar=TEAM, syncToken=target)["items"]

    assert (gone["id"], gone["status"]) == (event, "cancelled")
    assert not {"summary", "start", "organizer"} & {*gone, *office.get(event)}
    assert (come["id"], come["status"], come["summary"]) == (event, "confirmed", "Talk")


def test_an_organizer_who_is_a_guest_keeps_a_copy(office: Desk) -> None:
    """4.2: the tombstone is for an old organizer who is no attendee."""
    event = office.insert(attendees=[{"email": ALICE}, {"email": BOB}])["id"]
    run(move(office, event))

    assert office.get(event)["status"] == "confirmed"
    assert office.get(event)["organizer"]["email"] == TEAM
    assert office.get(event, BOB)["organizer"]["email"] == TEAM


def test_guests_answer_the_new_organizer(office: Desk) -> None:
    """6.1: their copies stay and follow the calendar that holds the main copy now."""
    event = office.insert(attendees=[{"email": BOB}])["id"]
    run(move(office, event))
    office.patch(event, BOB, attendees=[{"email": BOB, "responseStatus": "accepted"}])
    run(office.events().patch(calendarId=TEAM, eventId=event, body={"summary": "new"}))

    assert at(office, TEAM, event)["attendees"][0]["responseStatus"] == "accepted"
    assert office.get(event, BOB)["summary"] == "new"


def test_a_guest_becomes_the_organizer(office: Desk) -> None:
    """6.8: their own copy becomes the main one and keeps what was theirs."""
    office.control("calendars", id="carols@example.com", owner=CAROL, timeZone="UTC", roles={ALICE: "writer"})
    event = office.insert(attendees=[{"email": BOB}])["id"]
    office.patch(event, BOB, colorId="5")
    share = {"role": "writer", "scope": {"type": "user", "value": ALICE}}
    run(office.client(BOB).acl().insert(calendarId="primary", body=share))
    run(move(office, event, BOB))
    theirs = office.get(event, BOB)

    assert (theirs["organizer"], theirs["colorId"]) == ({"email": BOB, "self": True}, "5")


def test_a_series_moves_with_its_exceptions(office: Desk) -> None:
    """5.3, 6.8: changed and cancelled occurrences."""
    master = office.insert(**DAILY)["id"]
    office.patch(f"{master}_20261202T090000Z", summary="own")
    office.delete(f"{master}_20261203T090000Z")
    run(move(office, master))
    items = office.page(calendar=TEAM, singleEvents=True)["items"]

    assert sorted(item.get("summary", "") for item in items) == ["", "", "", "own"]
    assert {item["status"] for item in office.page(showDeleted=True)["items"]} == {"cancelled"}


def test_a_move_honours_if_match(office: Desk) -> None:
    """6.8, 7.1: 412 moves nothing."""
    event = office.insert()
    stale = with_header(move(office, event["id"]), "If-Match", '"1"')

    assert refused(stale) == (412, "conditionNotMet")
    assert office.get(event["id"])["status"] == "confirmed"
    assert run(with_header(move(office, event["id"]), "If-Match", event["etag"]))["status"] == "cancelled"


def test_an_event_can_be_moved_back(office: Desk) -> None:
    """7.2: its id is not taken by itself."""
    event = office.insert(summary="Talk")["id"]
    run(move(office, event))
    run(move(office, event, ALICE, TEAM))

    assert (office.get(event)["status"], office.get(event)["summary"]) == ("confirmed", "Talk")
    assert at(office, TEAM, event)["status"] == "cancelled"


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("type", (400, "invalid")),
        ("instance", (400, "cannotChangeOrganizerOfInstance")),
        ("guest", (403, "forbiddenForNonOrganizer")),
        ("cancelled", (410, "deleted")),
        ("nowhere", (404, "notFound")),
        ("same", (400, "invalid")),
        ("taken", (409, "duplicate")),
        ("missing", (404, "notFound")),
    ],
)
def test_what_cannot_be_moved_stays(office: Desk, case: str, expected: tuple[int, str]) -> None:
    """6.8: default events of the organizer's only, to a calendar the caller may write to."""
    event, destination = office.insert(id="event1")["id"], TEAM
    if case == "type":
        event = office.insert(eventType="focusTime", **hours("2026-12-01", 8, 9))["id"]
    elif case == "instance":
        event = f"{office.insert(**DAILY)['id']}_20261202T090000Z"
    elif case == "guest":
        event = office.insert(BOB, attendees=[{"email": ALICE}])["id"]
    elif case == "cancelled":
        office.delete(event)
    elif case in {"nowhere", "same"}:
        destination = CAROL if case == "nowhere" else ALICE
    elif case == "taken":
        office.insert(calendar=TEAM, id="event1")
    else:
        event = "nothing"

    assert refused(move(office, event, destination)) == expected
    assert "confirmed" in {item["status"] for item in office.page()["items"]} or case == "cancelled"


# ---- import


def bring(desk: Desk, user: str = ALICE, **fields: Any) -> dict[str, Any]:
    """Import an event."""
    body = {"iCalUID": "outside@other.example", **plain(), **fields}
    return run(desk.events(user).import_(calendarId="primary", body=body))


def test_an_import_is_a_private_copy(office: Desk) -> None:
    """6.9: it keeps its organizer and iCalUID, and reaches no guest."""
    guests = [{"email": BOB}, {"email": ALICE, "responseStatus": "accepted"}]
    event = bring(office, organizer={"email": "boss@other.example"}, attendees=guests)

    assert event["privateCopy"] is True
    assert (event["iCalUID"], event["organizer"]) == ("outside@other.example", {"email": "boss@other.example"})
    assert office.page(BOB)["items"] == []


def test_a_second_import_renews_the_first(office: Desk) -> None:
    """15.18: an upsert by iCalUID, also of one that was deleted meanwhile."""
    event = bring(office, summary="old", location="here")["id"]
    renewed = bring(office, summary="new")
    office.delete(event)
    revived = bring(office, summary="back")

    assert (renewed["id"], renewed["summary"], "location" in renewed) == (event, "new", False)
    assert (revived["id"], revived["status"]) == (event, "confirmed")
    assert ids(office.page()["items"]) == [event]


def test_an_imported_answer_stays_here(office: Desk) -> None:
    """6.9: even if the organizer's calendar is on this server."""
    event = office.insert(BOB, attendees=[{"email": CAROL}])
    bring(office, CAROL, iCalUID=event["iCalUID"], organizer={"email": BOB}, attendees=[{"email": CAROL}])
    row = {"email": CAROL, "responseStatus": "accepted"}
    private = bring(office, organizer={"email": BOB}, attendees=[{"email": ALICE}])["id"]
    office.patch(private, attendees=[{"email": ALICE, "responseStatus": "accepted"}, row])

    assert office.get(event["id"], BOB)["attendees"][0]["responseStatus"] == "needsAction"


def test_an_occurrence_is_imported_beside_its_series(office: Desk) -> None:
    """5.1, 5.6: the same iCalUID and its original start; it gets the id that the series gives it."""
    master = bring(office, **DAILY)["id"]
    original: dict[str, Any] = {"originalStartTime": {"dateTime": "2026-12-02T10:00:00+01:00"}}
    exception = bring(office, summary="own", **original, **hours("2026-12-02", 12, 13))
    again = bring(office, summary="again", **original, **hours("2026-12-02", 12, 13))

    assert (exception["id"], exception["recurringEventId"]) == (f"{master}_20261202T090000Z", master)
    assert (again["id"], again["summary"]) == (exception["id"], "again")
    assert len(office.page(singleEvents=True)["items"]) == 5


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"iCalUID": None}, "required"), ({"eventType": "focusTime"}, "invalid"), ({"start": None}, "required")],
)
def test_an_import_that_lacks_something_is_refused(office: Desk, fields: dict[str, Any], reason: str) -> None:
    """6.9, 10.1: an iCalUID is needed, and the type must be default."""
    body = {"iCalUID": "outside@other.example", **plain(), **fields}

    assert refused(office.events().import_(calendarId="primary", body=body)) == (400, reason)


@pytest.mark.parametrize("version", [0, 1])
def test_an_import_brings_its_conference_only_with_the_version(office: Desk, version: int) -> None:
    """7.11: as every write."""
    body = {"iCalUID": "outside@other.example", **plain(), "conferenceData": add_on()}
    event = run(office.events().import_(calendarId="primary", body=body, conferenceDataVersion=version))

    assert ("conferenceData" in event) is bool(version)


def test_a_private_copy_made_by_insert_is_not_propagated(office: Desk) -> None:
    """6.9: privateCopy, fixed at creation."""
    event = office.insert(privateCopy=True, attendees=[{"email": BOB}])
    office.patch(event["id"], privateCopy=False, summary="new")

    assert office.get(event["id"])["privateCopy"] is True
    assert office.page(BOB)["items"] == []
