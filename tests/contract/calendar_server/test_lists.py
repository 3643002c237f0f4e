"""What lists show: filters, order, windows, masks, tombstones (contract 1.2, 2, 4.2); calendars (11)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.calendar_server.desk import ALICE, BOB, Desk, hours, ids, plain, read, refused, run, whole_refusal

DAY: dict[str, Any] = {"start": {"date": "2026-12-05"}, "end": {"date": "2026-12-06"}}


@pytest.mark.parametrize(
    ("window", "found"),
    [
        ({"timeMin": "2026-12-01T11:00:00Z"}, False),
        ({"timeMin": "2026-12-01T10:59:59Z"}, True),
        ({"timeMin": "2026-12-01T10:59:59.999Z"}, True),
        ({"timeMax": "2026-12-01T10:00:00Z"}, False),
        ({"timeMax": "2026-12-01T10:00:01Z"}, True),
        ({"timeMin": "2026-12-01T10:30:00Z", "timeMax": "2026-12-01T10:31:00Z"}, True),
        ({"timeMin": "2026-12-01T12:00:00+02:00"}, True),
    ],
)
def test_windows_are_exclusive_at_both_ends(desk: Desk, window: dict[str, str], *, found: bool) -> None:
    """2.1: the end lies after timeMin, the start before timeMax."""
    event = desk.insert()["id"]

    assert ids(desk.page(**window)["items"]) == ([event] if found else [])


@pytest.mark.parametrize(
    ("window", "found"),
    [
        ({"timeMax": "2026-12-04T23:00:00Z"}, False),
        ({"timeMax": "2026-12-04T23:00:01Z"}, True),
        ({"timeMin": "2026-12-05T23:00:00Z"}, False),
        ({"timeMin": "2026-12-05T22:59:59Z"}, True),
    ],
)
def test_all_day_events_lie_in_the_calendars_zone(desk: Desk, window: dict[str, str], *, found: bool) -> None:
    """2.2: midnight in Zurich."""
    desk.insert(**DAY)

    assert (desk.page(**window)["items"] != []) is found


@pytest.mark.parametrize(
    ("options", "status", "reason"),
    [
        ({"timeMin": "2026-12-01T00:00:00Z", "timeMax": "2026-12-01T00:00:00Z"}, 400, "timeRangeEmpty"),
        ({"timeMin": "2026-12-02T00:00:00Z", "timeMax": "2026-12-01T00:00:00Z"}, 400, "timeRangeEmpty"),
        ({"timeMin": "2026-12-01T00:00:00"}, 400, "invalid"),
        ({"timeMin": "2026-12-01"}, 400, "invalid"),
        ({"timeMin": "9999-12-31T23:59:59-10:00"}, 400, "invalid"),
        ({"timeMax": "soon"}, 400, "invalid"),
        ({"orderBy": "startTime"}, 400, "invalid"),
        ({"orderBy": "title"}, 400, "invalid"),
        ({"maxResults": 0}, 400, "invalid"),
        ({"maxResults": -5}, 400, "invalid"),
        ({"maxAttendees": 0}, 400, "invalid"),
        ({"singleEvents": "perhaps"}, 400, "invalid"),
        ({"eventTypes": "party"}, 400, "invalid"),
        ({"timeZone": "Mars/Base"}, 400, "invalid"),
        ({"privateExtendedProperty": "novalue"}, 400, "invalid"),
        ({"alt": "xml"}, 400, "invalid"),
        ({"fields": "items(id"}, 400, "invalid"),
        ({"fields": "items(id))"}, 400, "invalid"),
        ({"fields": "item(id)"}, 400, "invalid"),
        ({"fields": "items/nothing"}, 400, "invalid"),
        ({"fields": ",,"}, 400, "invalid"),
        ({"fields": "a/" * 500 + "a"}, 400, "invalid"),
    ],
)
def test_bad_parameters_are_refused_by_name(desk: Desk, options: dict[str, Any], status: int, reason: str) -> None:
    """2.1, 10.1: a 400 that says which parameter it was."""
    query = {name: [str(value)] for name, value in options.items()}
    answer = desk.raw("GET", f"/calendar/v3/calendars/{ALICE}/events", query=query)
    error = read(answer)["error"]["errors"][0]

    assert (answer.status, error["reason"]) == (status, reason)
    assert error["location"] in options


def test_the_error_for_order_without_expansion_is_googles(desk: Desk) -> None:
    """2.1: the whole body."""
    message = "The requested ordering is not available for the particular query."
    detail = {"domain": "global", "reason": "invalid", "message": message}

    assert whole_refusal(desk.events().list(calendarId="primary", orderBy="startTime"))[2] == {
        "error": {
            "errors": [{**detail, "locationType": "parameter", "location": "orderBy"}],
            "code": 400,
            "message": message,
        }
    }


def test_more_than_2500_a_page_is_capped(desk: Desk) -> None:
    """2.1: capped rather than refused."""
    desk.insert()

    assert len(desk.page(maxResults=100_000)["items"]) == 1


def test_order_by_start_time_pages_in_order(desk: Desk) -> None:
    """2.1: ascending, series and single events mixed, page by page."""
    desk.insert(**hours("2026-12-02", 12, 13))
    desk.insert(**hours("2026-12-01", 10, 11), recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    desk.insert(start={"date": "2026-12-02"}, end={"date": "2026-12-03"})
    items, _ = desk.all(singleEvents=True, orderBy="startTime", maxResults=2)

    assert [item["start"].get("dateTime", item["start"].get("date")) for item in items] == [
        "2026-12-01T10:00:00+01:00",
        "2026-12-02",
        "2026-12-02T10:00:00+01:00",
        "2026-12-02T12:00:00+01:00",
        "2026-12-03T10:00:00+01:00",
    ]


def test_order_by_updated(desk: Desk) -> None:
    """2.1: ascending by the last change."""
    first, second, third = (desk.insert()["id"] for _ in range(3))
    desk.advance(1)
    desk.patch(first, summary="x")

    assert ids(desk.page(orderBy="updated")["items"])[-1] == first
    assert set(ids(desk.page(orderBy="updated")["items"])) == {first, second, third}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"q": "ALPHA"}, ["a"]),
        ({"q": "alpha room"}, ["a"]),
        ({"q": "beta"}, ["b"]),
        ({"q": "guest@x.org"}, ["b"]),
        ({"q": "absent"}, []),
        ({"q": ALICE}, ["a", "b"]),
        ({"iCalUID": "uid-of-b"}, ["b"]),
        ({"privateExtendedProperty": ["k=1"]}, ["a"]),
        ({"privateExtendedProperty": ["k=1", "l=2"]}, []),
        ({"sharedExtendedProperty": ["k=1"]}, ["b"]),
        ({"eventTypes": ["focusTime"]}, ["b"]),
        ({"eventTypes": ["focusTime", "default"]}, ["a", "b"]),
    ],
)
def test_searching(desk: Desk, options: dict[str, Any], expected: list[str]) -> None:
    """2.1: free text, UID, extended properties (all must match), types."""
    desk.insert(summary="Alpha", location="Room 1", extendedProperties={"private": {"k": "1"}}, colorId="1")
    shared: dict[str, Any] = {"extendedProperties": {"shared": {"k": "1"}}, "attendees": [{"email": "guest@x.org"}]}
    desk.insert(summary="x", description="beta", iCalUID="uid-of-b", eventType="focusTime", colorId="2", **shared)
    names = {"1": "a", "2": "b"}

    assert [names[item["colorId"]] for item in desk.page(**options)["items"]] == expected


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ("items(id)", {"items": [{"id": "first"}]}),
        ("items/id", {"items": [{"id": "first"}]}),
        (
            "items(id,start/date),timeZone",
            {"timeZone": "Europe/Zurich", "items": [{"id": "first", "start": {"date": "2026-12-05"}}]},
        ),
        ("timeZone", {"timeZone": "Europe/Zurich"}),
        ("items(organizer(email))", {"items": [{"organizer": {"email": ALICE}}]}),
        ("items/organizer/*", {"items": [{"organizer": {"email": ALICE, "self": True}}]}),
        ("items(attendees/email)", {"items": [{"attendees": [{"email": BOB}]}]}),
        ("items(location)", {"items": [{}]}),
        ("items(id), kind", {"kind": "calendar#events", "items": [{"id": "first"}]}),
        ("*/id", {"defaultReminders": [{}], "items": [{"id": "first"}]}),
        ("items(id,id),items(status)", {"items": [{"id": "first", "status": "confirmed"}]}),
    ],
)
def test_masks_select_fields(desk: Desk, mask: str, expected: dict[str, Any]) -> None:
    """1.2.1: lists, paths, sub-selections, wildcards."""
    desk.insert(id="first", **DAY, attendees=[{"email": BOB}])

    assert desk.page(fields=mask) == expected


def test_a_mask_that_names_no_token_loses_it_silently(desk: Desk) -> None:
    """1.2.2: paging ends and the token is lost without any error."""
    desk.insert()

    assert "nextSyncToken" not in desk.page(fields="items(id)")
    assert "nextSyncToken" in desk.page(fields="items(id),nextSyncToken")


def test_a_mask_applies_to_single_events_too(desk: Desk) -> None:
    """1.2.1: get and the writes' answers."""
    event = desk.insert(summary="x")["id"]
    request = desk.events().patch(calendarId="primary", eventId=event, body={"summary": "y"}, fields="summary")

    assert run(request) == {"summary": "y"}
    assert run(desk.events().get(calendarId="primary", eventId=event, fields="id,status")) == {
        "id": event,
        "status": "confirmed",
    }


def test_an_unknown_mask_is_named(desk: Desk) -> None:
    """1.2.1: "Invalid field selection a/b"."""
    _, _, body = whole_refusal(desk.events().list(calendarId="primary", fields="a/b"))

    assert body["error"]["message"] == "Invalid field selection a/b"


def test_too_many_attendees_are_omitted(desk: Desk) -> None:
    """2.1: only the caller's own row stays, and it is said so."""
    rows = [{"email": ALICE}, *({"email": f"g{n}@x.org"} for n in range(3))]
    event = desk.insert(attendees=rows)["id"]
    (item,) = desk.page(maxAttendees=2)["items"]

    assert [row["email"] for row in item["attendees"]] == [ALICE]
    assert item["attendeesOmitted"] is True
    assert len(desk.page(maxAttendees=4)["items"][0]["attendees"]) == 4
    assert "attendeesOmitted" not in desk.get(event)


def test_times_can_be_asked_for_in_another_zone(desk: Desk) -> None:
    """11: timeZone on a list."""
    desk.insert()
    page = desk.page(timeZone="America/New_York")

    assert page["timeZone"] == "America/New_York"
    assert page["items"][0]["start"]["dateTime"] == "2026-12-01T05:00:00-05:00"


@pytest.mark.parametrize("richness", ["bare", "minimum", "full"])
def test_tombstones_come_in_three_richness_levels(desk: Desk, richness: str) -> None:
    """4.2, 14.4: chosen by a knob for incremental lists."""
    desk.control("knobs", tombstones=richness)
    master = desk.insert(**hours("2026-12-01", 10, 11), recurrence=["RRULE:FREQ=DAILY;COUNT=3"], summary="s")["id"]
    token = desk.token()
    desk.delete(f"{master}_20261202T090000Z")
    (item,) = desk.changes(token)
    bare = {"kind", "etag", "id", "status"}
    levels = {"bare": bare, "minimum": {*bare, "recurringEventId", "originalStartTime"}}

    assert set(item) == levels.get(richness, set(item))
    assert ("summary" in item) is (richness == "full")


def test_by_default_tombstones_of_exceptions_are_mixed(desk: Desk) -> None:
    """14.4: some name their series, some do not; those of single events never do."""
    master = desk.insert(**hours("2026-12-01", 10, 11), recurrence=["RRULE:FREQ=DAILY;COUNT=12"])["id"]
    single = desk.insert()["id"]
    token = desk.token()
    for day in range(1, 12):
        desk.delete(f"{master}_202612{day:02}T090000Z")
    desk.delete(single)
    items = desk.changes(token)

    assert {("recurringEventId" in item) for item in items[:-1]} == {True, False}
    assert set(items[-1]) == {"kind", "etag", "id", "status"}


def test_deleted_events_are_shown_whole_in_a_full_pass_that_asks(desk: Desk) -> None:
    """4.2: the organizer's own deleted event keeps its details."""
    event = desk.insert(summary="kept")["id"]
    desk.delete(event)
    (item,) = desk.page(showDeleted=True)["items"]

    assert (item["id"], item["status"], item["summary"]) == (event, "cancelled", "kept")


def test_an_event_put_in_raw_is_listed_as_it_is(desk: Desk) -> None:
    """F40: what cannot be read by a client comes to it all the same, and can be repaired or deleted."""
    raw: dict[str, Any] = {"id": "poison", "start": "tomorrow", "attendees": [5, {"email": 7}], "organizer": "me"}
    desk.token()
    desk.control("events", calendarId=ALICE, event=raw)
    window = {"timeMin": "2026-01-01T00:00:00Z", "q": ""}
    repaired = desk.events().patch(calendarId="primary", eventId="poison", body={"summary": "x"})

    assert desk.page()["items"] == [raw]
    assert desk.page(**window, timeZone="UTC", singleEvents=True, orderBy="startTime")["items"] == [raw]
    assert refused(repaired) == (400, "required")
    assert desk.patch("poison", **plain())["organizer"]["email"] == ALICE
    desk.delete("poison")
    assert desk.page()["items"] == []


@pytest.mark.parametrize("recurrence", [["RRULE:FREQ=FORTNIGHTLY"], "weekly"])
def test_a_series_put_in_raw_whose_rules_cannot_be_read_is_listed_by_its_own_times(
    desk: Desk, recurrence: object
) -> None:
    """F40, 2.1: it is a series for whoever can read it; a window takes it for what its start and end say."""
    desk.token()
    desk.control(
        "events", calendarId=ALICE, event={"id": "poison", **hours("2026-12-01", 10, 11), "recurrence": recurrence}
    )

    assert ids(desk.page(timeMin="2026-12-01T09:30:00Z")["items"]) == ["poison"]
    assert desk.page(timeMin="2026-12-01T10:30:00Z")["items"] == []


def test_the_callers_calendars_are_listed_primary_first(desk: Desk) -> None:
    """11: per user, with role and primary flag, never under the alias."""
    desk.control("calendars", id="team@example.com", owner=BOB, timeZone="UTC", summary="Team", roles={ALICE: "reader"})
    desk.control("calendars", id="secret@example.com", owner=BOB, timeZone="UTC")
    items = run(desk.client().calendarList().list())["items"]

    assert [(it["id"], it["accessRole"], it.get("primary")) for it in items] == [
        (ALICE, "owner", True),
        ("team@example.com", "reader", None),
    ]


def test_the_calendar_list_has_pages_and_tokens(desk: Desk) -> None:
    """11: default 100, max 250; new calendars are told with a token."""
    for number in range(4):
        desk.control("calendars", id=f"c{number}@example.com", owner=ALICE, timeZone="UTC")
    calendars = desk.client().calendarList()
    first = run(calendars.list(maxResults=3))
    second = run(calendars.list(maxResults=3, pageToken=first["nextPageToken"]))
    desk.control("calendars", id="late@example.com", owner=ALICE, timeZone="UTC")
    later = run(calendars.list(syncToken=second["nextSyncToken"]))

    assert (len(first["items"]), len(second["items"])) == (3, 2)
    assert ids(later["items"]) == ["late@example.com"]
    assert refused(calendars.list(syncToken=second["nextSyncToken"], minAccessRole="reader"))[0] == 400
    assert refused(calendars.list(syncToken="garbage")) == (400, "invalid")


def test_primary_is_resolved_to_the_address(desk: Desk) -> None:
    """1.1.3: responses carry the real id."""
    calendar = run(desk.client().calendars().get(calendarId="primary"))

    assert (calendar["kind"], calendar["id"], calendar["timeZone"]) == ("calendar#calendar", ALICE, "Europe/Zurich")
    assert run(desk.client().calendarList().get(calendarId="primary"))["id"] == ALICE
    assert run(desk.client().calendarList().get(calendarId=ALICE, fields="primary")) == {"primary": True}
    assert refused(desk.client().calendars().get(calendarId="no@example.com")) == (404, "notFound")
