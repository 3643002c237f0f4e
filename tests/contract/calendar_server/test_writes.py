"""Writing events: ids, versions, merge rules, checks (contract 1.1, 4.4, 7)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest

from tests.contract.calendar_server.desk import (
    ALICE,
    Desk,
    ids,
    plain,
    read,
    refused,
    run,
    whole_refusal,
    with_header,
)

EVENTS = f"/calendar/v3/calendars/{ALICE}/events"


def test_an_inserted_event_comes_back_whole(desk: Desk) -> None:
    """1.1.5 to 1.1.8: kinds, stamps, and no field that is empty or at its default."""
    event = desk.insert(summary="", visibility="default", transparency="opaque", guestsCanModify=False, attendees=[])

    assert re.fullmatch(r'"\d+"', event.pop("etag"))
    assert re.fullmatch(r"[a-v0-9]{26}", event["id"])
    assert event.pop("htmlLink").startswith("https://www.google.com/calendar/event?eid=")
    assert event == {
        "kind": "calendar#event",
        "id": event["id"],
        "status": "confirmed",
        "created": "2026-11-20T10:00:00.000Z",
        "updated": "2026-11-20T10:00:00.000Z",
        "creator": {"email": ALICE, "self": True},
        "organizer": {"email": ALICE, "self": True},
        "start": {"dateTime": "2026-12-01T11:00:00+01:00"},
        "end": {"dateTime": "2026-12-01T12:00:00+01:00"},
        "iCalUID": f"{event['id']}@google.com",
        "sequence": 0,
        "reminders": {"useDefault": True},
        "eventType": "default",
    }


def test_every_effective_write_moves_the_etag_even_while_the_clock_stands(desk: Desk) -> None:
    """1.1.7: etags are strictly monotonic."""
    event = desk.insert()
    etags = [event["etag"], *(desk.patch(event["id"], summary=f"title {n}")["etag"] for n in range(5))]

    assert len(set(etags)) == 6
    assert etags == sorted(etags)


def test_reminders_move_the_etag_but_not_updated(desk: Desk) -> None:
    """4.4: `updated` moves with the main data only."""
    event = desk.insert()
    desk.advance(60)
    reminded = desk.patch(
        event["id"], reminders={"useDefault": False, "overrides": [{"method": "popup", "minutes": 5}]}
    )
    renamed = desk.patch(event["id"], summary="new")

    assert reminded["etag"] != event["etag"]
    assert reminded["updated"] == event["updated"]
    assert renamed["updated"] == "2026-11-20T10:01:00.000Z"


def test_a_patch_that_changes_nothing_moves_nothing(desk: Desk) -> None:
    """7.9: by default a no-op is none of our business; a knob says otherwise."""
    event = desk.insert(summary="same")
    token = desk.token()
    same = desk.patch(event["id"], summary="same")
    told = desk.changes(token)
    desk.control("knobs", noOpMovesEtag=True)

    assert same["etag"] == event["etag"]
    assert told == []
    assert desk.patch(event["id"], summary="same")["etag"] != event["etag"]


@pytest.mark.parametrize(
    ("before", "patch", "after"),
    [
        ({"summary": "a"}, {"summary": "b"}, {"summary": "b"}),
        ({"summary": "a", "location": "x"}, {"summary": None}, {"location": "x"}),
        (
            {"extendedProperties": {"private": {"a": "1", "b": "2"}}},
            {"extendedProperties": {"private": {"a": None, "c": "3"}}},
            {"extendedProperties": {"private": {"b": "2", "c": "3"}}},
        ),
        (
            {"extendedProperties": {"private": {"a": "1"}}},
            {"extendedProperties": {"shared": {"b": "2"}}},
            {"extendedProperties": {"private": {"a": "1"}, "shared": {"b": "2"}}},
        ),
        ({"extendedProperties": {"private": {"a": "1"}}}, {"extendedProperties": {"private": {"a": None}}}, {}),
        (
            {"source": {"url": "https://x.example", "title": "t"}},
            {"source": {"title": None}},
            {"source": {"url": "https://x.example"}},
        ),
        ({"colorId": "3", "location": "x"}, {}, {"colorId": "3", "location": "x"}),
        ({"visibility": "private"}, {"visibility": "default"}, {}),
    ],
)
def test_a_patch_merges_objects_and_null_removes(
    desk: Desk, before: dict[str, Any], patch: dict[str, Any], after: dict[str, Any]
) -> None:
    """7.4: key by key, and what becomes empty is absent."""
    event = desk.patch(desk.insert(**before)["id"], **patch)
    names = ("summary", "location", "extendedProperties", "source", "colorId", "visibility")

    assert {name: event[name] for name in names if name in event} == after


def test_a_patch_replaces_arrays_whole(desk: Desk) -> None:
    """7.4: attendees that are not sent again are gone."""
    event = desk.insert(attendees=[{"email": "a@x.org"}, {"email": "b@x.org"}])
    patched = desk.patch(event["id"], attendees=[{"email": "b@x.org", "responseStatus": "accepted"}])

    assert patched["attendees"] == [{"email": "b@x.org", "responseStatus": "accepted"}]


def test_an_update_replaces_everything(desk: Desk) -> None:
    """7.6: what a PUT does not name is gone, conference data aside when its version is not given (7.11)."""
    event = desk.insert(summary="a", location="x", conferenceData={"createRequest": {"requestId": "1"}})
    body = {**plain(), "summary": "b"}
    updated = run(desk.events().update(calendarId="primary", eventId=event["id"], body=body))

    assert updated["summary"] == "b"
    assert "location" not in updated
    assert updated["conferenceData"] == event["conferenceData"]


@pytest.mark.parametrize("method", ["patch", "update", "delete"])
def test_writes_honour_if_match(desk: Desk, method: str) -> None:
    """7.1: another version is 412 with the header named, the present one or * goes through."""
    event = desk.insert()
    stale = event["etag"]
    etag = desk.patch(event["id"], summary="meanwhile")["etag"]

    def request(wanted: str) -> Any:
        body = {} if method == "delete" else {"body": {**plain(), "summary": wanted}}
        made = getattr(desk.events(), method)(calendarId="primary", eventId=event["id"], **body)
        return with_header(made, "If-Match", wanted)

    status, reason, body = whole_refusal(request(stale))
    assert (status, reason) == (412, "conditionNotMet")
    assert body["error"]["errors"][0] == {
        "domain": "global",
        "reason": "conditionNotMet",
        "message": "Precondition Failed",
        "locationType": "header",
        "location": "If-Match",
    }
    if method != "delete":
        etag = run(request(etag))["etag"]
    request("*" if method == "delete" else etag).execute()
    assert desk.get(event["id"])["status"] == ("cancelled" if method == "delete" else "confirmed")


def test_a_get_answers_304_while_the_event_is_unchanged(desk: Desk) -> None:
    """7.3: If-None-Match on a resource."""
    event = desk.insert()
    headers = {"authorization": f"Bearer dev:{ALICE}", "if-none-match": event["etag"]}
    unchanged = desk.raw("GET", f"{EVENTS}/{event['id']}", headers=headers)
    desk.patch(event["id"], summary="new")

    assert (unchanged.status, unchanged.body) == (304, b"")
    assert desk.raw("GET", f"{EVENTS}/{event['id']}", headers=headers).status == 200


def test_a_client_may_choose_the_id_once(desk: Desk) -> None:
    """7.2: 409 on reuse."""
    assert desk.insert(id="chosen0id")["id"] == "chosen0id"
    assert refused(desk.events().insert(calendarId="primary", body={**plain(), "id": "chosen0id"})) == (
        409,
        "duplicate",
    )


def test_a_deleted_id_stays_taken_and_cannot_be_deleted_twice(desk: Desk) -> None:
    """14.13: 409 duplicate, 410 deleted; get still shows it (4.2)."""
    event = desk.insert(id="chosen0id", summary="kept")["id"]
    desk.delete(event)

    assert refused(desk.events().insert(calendarId="primary", body={**plain(), "id": event})) == (409, "duplicate")
    assert refused(desk.events().delete(calendarId="primary", eventId=event)) == (410, "deleted")
    assert (desk.get(event)["status"], desk.get(event)["summary"]) == ("cancelled", "kept")


@pytest.mark.parametrize("event_id", ["abcd", "UPPER0case", "with_underscore", "zzzzz", "a" * 1025])
def test_an_illegal_id_is_refused(desk: Desk, event_id: str) -> None:
    """7.2: base32hex, 5 to 1024 characters."""
    status, reason, body = whole_refusal(desk.events().insert(calendarId="primary", body={**plain(), "id": event_id}))

    assert (status, reason, body["error"]["message"]) == (400, "invalid", "Invalid resource id value.")


def test_a_deleted_event_can_be_restored(desk: Desk) -> None:
    """F19: cancelled and restored, by status or by a whole update."""
    first, second = desk.insert()["id"], desk.insert()["id"]
    desk.delete(first)
    desk.delete(second)
    desk.patch(first, status="confirmed")
    run(desk.events().update(calendarId="primary", eventId=second, body=plain()))

    assert ids(desk.page()["items"]) == [first, second]


@pytest.mark.parametrize(
    ("start", "end", "shown"),
    [
        ({"dateTime": "2026-12-01T10:00:00Z"}, {"dateTime": "2026-12-01T11:00:00Z"}, "2026-12-01T11:00:00+01:00"),
        ({"dateTime": "2026-07-01T10:00:00Z"}, {"dateTime": "2026-07-01T11:00:00Z"}, "2026-07-01T12:00:00+02:00"),
        ({"dateTime": "2026-12-01T10:00:00"}, {"dateTime": "2026-12-01T11:00:00"}, "2026-12-01T10:00:00+01:00"),
        (
            {"dateTime": "2026-12-01T10:00:00", "timeZone": "America/New_York"},
            {"dateTime": "2026-12-01T11:00:00", "timeZone": "America/New_York"},
            "2026-12-01T16:00:00+01:00",
        ),
        (
            {"dateTime": "2026-12-01T10:00:00.750+05:30", "timeZone": "GMT-07:00"},
            {"dateTime": "2026-12-01T11:00:00+05:30"},
            "2026-12-01T05:30:00+01:00",
        ),
    ],
)
def test_times_are_shown_in_the_calendars_zone(
    desk: Desk, start: dict[str, str], end: dict[str, str], shown: str
) -> None:
    """11: the three ways to write a time; the event's own zone stays beside it."""
    event = desk.insert(start=start, end=end)

    assert event["start"]["dateTime"] == shown
    assert event["start"].get("timeZone") == start.get("timeZone")


def test_switching_to_a_whole_day_needs_the_other_keys_nulled(desk: Desk) -> None:
    """7.5: date and dateTime do not stand side by side."""
    event = desk.insert(start={"dateTime": "2026-12-01T10:00:00", "timeZone": "UTC"})["id"]
    day = {"start": {"date": "2026-12-01"}, "end": {"date": "2026-12-02"}}
    nulls = {"dateTime": None, "timeZone": None}
    request = desk.events().patch(calendarId="primary", eventId=event, body=day)

    assert refused(request) == (400, "invalid")
    patched = desk.patch(event, start={**day["start"], **nulls}, end={**day["end"], **nulls})
    assert (patched["start"], patched["end"]) == (day["start"], day["end"])


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"start": None, "end": None}, "required"),
        ({"start": None}, "required"),
        ({"end": None}, "required"),
        ({"start": {"date": "2026-12-01"}}, "invalid"),
        ({"start": {}}, "required"),
        ({"start": {"timeZone": "UTC"}}, "invalid"),
        ({"start": {"dateTime": "yesterday"}}, "invalid"),
        ({"start": {"dateTime": "2026-12-01T10:00:00", "timeZone": "Mars/Base"}}, "invalid"),
        ({"start": {"dateTime": "9999-12-31T23:59:59-10:00"}}, "invalid"),
        ({"start": {"dateTime": "0001-01-01T00:00:00+10:00"}}, "invalid"),
        ({"start": {"date": "2026-13-01"}, "end": {"date": "2026-13-02"}}, "invalid"),
        ({"start": {"dateTime": "2026-12-01T12:00:00Z"}}, "timeRangeEmpty"),
        ({"start": {"date": "2026-12-03"}, "end": {"date": "2026-12-02"}}, "timeRangeEmpty"),
        ({"status": "gone"}, "invalid"),
        ({"transparency": "glass"}, "invalid"),
        ({"visibility": "hidden"}, "invalid"),
        ({"eventType": "fromGmail"}, "invalid"),
        ({"summary": 5}, "invalid"),
        ({"attendees": "bob"}, "invalid"),
        ({"attendees": [{}]}, "required"),
        ({"attendees": [None]}, "invalid"),
        ({"attendees": [{"email": "nobody"}]}, "invalid"),
        ({"attendees": [{"email": "a@x.org", "responseStatus": "perhaps"}]}, "invalid"),
        ({"reminders": {"useDefault": True, "overrides": [{"method": "popup", "minutes": 5}]}}, "invalid"),
        ({"reminders": {"overrides": [{"method": "pigeon", "minutes": 5}]}}, "invalid"),
        ({"source": {"url": "ftp://x.example"}}, "invalid"),
        ({"sequence": "one"}, "invalid"),
        ({"sequence": 2**40}, "invalid"),
        ({"extendedProperties": {"private": {str(n): "x" for n in range(301)}}}, "invalid"),
    ],
)
def test_what_cannot_be_an_event_is_refused(desk: Desk, fields: dict[str, Any], reason: str) -> None:
    """10.1: 400 with a reason, and nothing is written."""
    request = desk.events().insert(calendarId="primary", body={**plain(), **fields})

    assert refused(request) == (400, reason)
    assert desk.page()["items"] == []


def test_too_long_extended_properties_are_dropped_or_cut_silently(desk: Desk) -> None:
    """4.4: a key over 44 characters, a value over 1024."""
    event = desk.insert(extendedProperties={"private": {"k" * 45: "x", "k" * 44: "v" * 2000}})

    assert event["extendedProperties"] == {"private": {"k" * 44: "v" * 1024}}


def test_a_lower_sequence_is_refused_and_moving_raises_it(desk: Desk) -> None:
    """4.4: iCalendar's sequence."""
    event = desk.insert(sequence=3)["id"]
    moved = desk.patch(event, end={"dateTime": "2026-12-01T12:00:00Z"})

    assert moved["sequence"] == 4
    assert refused(desk.events().patch(calendarId="primary", eventId=event, body={"sequence": 1})) == (400, "invalid")


def test_the_type_of_an_event_is_fixed(desk: Desk) -> None:
    """4.4: eventType is fixed at creation."""
    event = desk.insert(eventType="focusTime")["id"]

    assert refused(desk.events().patch(calendarId="primary", eventId=event, body={"eventType": "default"}))[0] == 400
    assert desk.patch(event, summary="x")["eventType"] == "focusTime"


def test_attachments_need_their_parameter(desk: Desk) -> None:
    """4.4: without supportsAttachments they are ignored, and at most 25 are kept."""
    files = [{"fileUrl": "https://files.example/1"}]
    body = {**plain(), "attachments": files}
    with_them = run(desk.events().insert(calendarId="primary", body=body, supportsAttachments=True))
    many = {**plain(), "attachments": files * 26}

    assert "attachments" not in desk.insert(attachments=files)
    assert with_them["attachments"] == files
    assert refused(desk.events().insert(calendarId="primary", body=many, supportsAttachments=True)) == (400, "invalid")


def test_read_only_and_unknown_fields_are_passed_over(desk: Desk) -> None:
    """What the server decides, the client cannot."""
    body: dict[str, Any] = {
        "kind": "x",
        "etag": "y",
        "created": "2020-01-01T00:00:00Z",
        "htmlLink": "z",
        "organizer": {"email": "m@x"},
    }
    event = desk.insert(**body, unheard="of")

    assert event["organizer"]["email"] == ALICE
    assert event["created"] == "2026-11-20T10:00:00.000Z"
    assert "unheard" not in event


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000, b"null"])
def test_a_body_that_is_no_object_is_a_parse_error(desk: Desk, body: bytes) -> None:
    """10.1: parseError, never a crash."""
    answer = desk.raw("POST", EVENTS, body)

    assert answer.status == 400
    assert read(answer)["error"]["errors"][0]["reason"] == "parseError"


def test_a_patch_may_come_as_an_overridden_post(desk: Desk) -> None:
    """1.1.4: X-HTTP-Method-Override."""
    event = desk.insert()["id"]
    headers = {"authorization": f"Bearer dev:{ALICE}", "x-http-method-override": "PATCH"}
    answer = desk.raw("POST", f"{EVENTS}/{event}", {"summary": "patched"}, headers=headers)

    assert (answer.status, desk.get(event)["summary"]) == (200, "patched")


def test_a_get_with_too_long_an_address_may_come_as_a_form(desk: Desk) -> None:
    """1.1.4: what Google's client makes of a query of more than 2048 characters."""
    made = desk.insert(summary="needle " + "y" * 3000)["id"]
    desk.insert(summary="hay")

    assert ids(desk.page(q="y" * 3000)["items"]) == [made]


def test_updated_is_a_time_with_milliseconds(desk: Desk) -> None:
    """1.1.6: RFC 3339 in UTC."""
    event = desk.insert()

    assert datetime.fromisoformat(event["updated"]).utcoffset() is not None
    assert re.fullmatch(r".*\.\d{3}Z", event["updated"])
