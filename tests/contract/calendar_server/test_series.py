"""Recurring series (contract 4.2, 5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.calendar_server.desk import BOB, Desk, hours, ids, plain, refused, run

DAILY = ["RRULE:FREQ=DAILY;COUNT=5"]


def series(desk: Desk, recurrence: list[str] | None = None, **fields: Any) -> str:
    """A series at ten o'clock in Zurich from the first of December."""
    event_id: str = desk.insert(**{**hours("2026-12-01", 10, 11), "recurrence": recurrence or DAILY, **fields})["id"]
    return event_id


def starts(items: list[dict[str, Any]]) -> list[str]:
    """When the items begin."""
    return [item["start"].get("dateTime") or item["start"]["date"] for item in items]


@pytest.mark.parametrize(
    ("fields", "recurrence", "expected"),
    [
        (
            hours("2026-12-01", 10, 11),
            ["RRULE:FREQ=DAILY;COUNT=2"],
            ["2026-12-01T10:00:00+01:00", "2026-12-02T10:00:00+01:00"],
        ),
        (
            hours("2026-10-24", 10, 11),
            ["RRULE:FREQ=DAILY;COUNT=2"],
            ["2026-10-24T10:00:00+02:00", "2026-10-25T10:00:00+01:00"],
        ),
        (
            hours("2027-03-27", 2, 3),
            ["RRULE:FREQ=DAILY;COUNT=3"],
            ["2027-03-27T02:00:00+01:00", "2027-03-28T03:00:00+02:00", "2027-03-29T02:00:00+02:00"],
        ),
        (
            hours("2026-12-01", 10, 11),
            ["RRULE:FREQ=WEEKLY;UNTIL=20261215T090000Z"],
            ["2026-12-01T10:00:00+01:00", "2026-12-08T10:00:00+01:00", "2026-12-15T10:00:00+01:00"],
        ),
        (
            hours("2026-12-01", 10, 11),
            ["RRULE:FREQ=WEEKLY;UNTIL=20261208"],
            ["2026-12-01T10:00:00+01:00", "2026-12-08T10:00:00+01:00"],
        ),
        (
            hours("2026-12-01", 10, 11),
            ["RRULE:FREQ=DAILY;COUNT=4", "EXDATE:20261202T090000Z", "EXDATE;TZID=America/New_York:20261203T040000"],
            ["2026-12-01T10:00:00+01:00", "2026-12-04T10:00:00+01:00"],
        ),
        (
            hours("2026-12-01", 10, 11),
            ["RDATE;TZID=Europe/Zurich:20261205T100000,20261206T120000"],
            ["2026-12-01T10:00:00+01:00", "2026-12-05T10:00:00+01:00", "2026-12-06T12:00:00+01:00"],
        ),
        (
            {"start": {"date": "2026-12-30"}, "end": {"date": "2027-01-01"}},
            ["RRULE:FREQ=YEARLY;COUNT=2", "EXDATE;VALUE=DATE:20271230", "RDATE;VALUE=DATE:20270201"],
            ["2026-12-30", "2027-02-01"],
        ),
    ],
)
def test_series_are_expanded_on_their_own_wall_clock(
    desk: Desk, fields: dict[str, Any], recurrence: list[str], expected: list[str]
) -> None:
    """5.11: RRULE and RDATE minus EXDATE, UNTIL inclusive, ten o'clock stays ten o'clock across DST."""
    desk.insert(**fields, recurrence=recurrence)
    items = desk.page(singleEvents=True, orderBy="startTime", timeMax="2028-01-01T00:00:00Z")["items"]

    assert starts(items) == expected


def test_an_occurrence_is_named_after_its_original_start(desk: Desk) -> None:
    """5.1, 5.3, 5.6: id, link to the master, shared iCalUID, no recurrence."""
    master = series(desk)
    first = desk.page(singleEvents=True)["items"][0]

    assert first["id"] == f"{master}_20261201T090000Z"
    assert first["recurringEventId"] == master
    assert first["originalStartTime"] == first["start"]
    assert first["iCalUID"] == desk.get(master)["iCalUID"]
    assert "recurrence" not in first
    assert desk.get(first["id"]) == first


def test_an_all_day_occurrence_is_named_after_its_day(desk: Desk) -> None:
    """5.1: <master>_<YYYYMMDD>."""
    master = series(desk, start={"date": "2026-12-01"}, end={"date": "2026-12-02"})

    assert desk.get(f"{master}_20261203")["start"] == {"date": "2026-12-03"}


@pytest.mark.parametrize("suffix", ["20261201T100000Z", "20261206T090000Z", "20261301T090000Z", "20261201", "x"])
def test_an_id_that_names_no_occurrence_is_not_found(desk: Desk, suffix: str) -> None:
    """5.2: the suffix is checked, not trusted."""
    request = desk.events().get(calendarId="primary", eventId=f"{series(desk)}_{suffix}")

    assert refused(request) == (404, "notFound")


def test_patching_an_occurrence_makes_an_exception(desk: Desk) -> None:
    """5.3: it becomes an item of its own beside an unchanged master, and keeps its id when moved."""
    master = series(desk)
    token = desk.token()
    instance = f"{master}_20261202T090000Z"
    moved = desk.patch(instance, **hours("2026-12-20", 8, 9))
    (told,) = desk.changes(token)

    assert (moved["id"], moved["originalStartTime"]["dateTime"]) == (instance, "2026-12-02T10:00:00+01:00")
    assert told == moved
    assert starts(desk.page(singleEvents=True, orderBy="startTime")["items"])[-1] == "2026-12-20T08:00:00+01:00"
    assert len(desk.page(singleEvents=True)["items"]) == 5


def test_an_occurrence_is_written_under_its_masters_version(desk: Desk) -> None:
    """7.1: If-Match on an occurrence nobody changed means the master's etag."""
    master = series(desk)
    request = desk.events().patch(calendarId="primary", eventId=f"{master}_20261202T090000Z", body={"summary": "x"})
    request.headers["If-Match"] = desk.get(master)["etag"]

    assert run(request)["summary"] == "x"
    assert refused(request) == (412, "conditionNotMet")


@pytest.mark.parametrize("way", ["delete", "patch"])
def test_an_occurrence_can_be_cancelled(desk: Desk, way: str) -> None:
    """5.9: by DELETE or by status; the gap shows bare in a full pass that hides deletions (2.1)."""
    master = series(desk)
    instance = f"{master}_20261202T090000Z"
    if way == "delete":
        desk.delete(instance)
    else:
        desk.patch(instance, status="cancelled")
    full = {item["id"]: item for item in desk.page()["items"]}

    assert len(desk.page(singleEvents=True)["items"]) == 4
    assert set(full) == {master, instance}
    assert set(full[instance]) == {"kind", "etag", "id", "status", "recurringEventId", "originalStartTime"}
    assert refused(desk.events().delete(calendarId="primary", eventId=instance)) == (410, "deleted")


def test_deleting_a_series_deletes_its_exceptions(desk: Desk) -> None:
    """4.2: a cancelled master comes without recurrence; no exception outlives it."""
    master = series(desk)
    exception = desk.patch(f"{master}_20261202T090000Z", summary="other")["id"]
    token = desk.token()
    desk.delete(master)

    assert {item["id"]: item["status"] for item in desk.changes(token)} == dict.fromkeys(
        [master, exception], "cancelled"
    )
    assert "recurrence" not in desk.get(master)
    assert desk.page()["items"] == []
    assert desk.get(f"{master}_20261203T090000Z")["status"] == "cancelled"


def test_shortening_a_series_resets_later_exceptions(desk: Desk) -> None:
    """5.7, 5.13: the first half of "this and following"; the new half is a new master."""
    master = series(desk)
    early = desk.patch(f"{master}_20261202T090000Z", summary="early")["id"]
    late = desk.patch(f"{master}_20261204T090000Z", summary="late")["id"]
    token = desk.token()
    desk.patch(master, recurrence=["RRULE:FREQ=DAILY;UNTIL=20261202T235959Z"])

    assert {item["id"]: item["status"] for item in desk.changes(token)} == {master: "confirmed", late: "cancelled"}
    assert desk.get(early)["summary"] == "early"


def test_an_exception_that_was_brought_back_stays(desk: Desk) -> None:
    """5.8: what a move of the series took away is somebody's again, until its times change once more."""
    master = series(desk)
    exception = desk.patch(f"{master}_20261202T090000Z", summary="own")["id"]
    desk.patch(master, **hours("2026-12-01", 14, 15))
    taken = desk.get(exception)["status"]
    desk.patch(exception, status="confirmed")
    desk.patch(master, description="new")
    kept = desk.get(exception)["status"]
    desk.patch(master, **hours("2026-12-01", 16, 17))

    assert (taken, kept, desk.get(exception)["status"]) == ("cancelled", "confirmed", "cancelled")


def test_an_exception_follows_its_master_in_what_it_did_not_change(desk: Desk) -> None:
    """5.8: changed exceptions come together with the master."""
    master = series(desk, summary="old", location="room 1")
    exception = desk.patch(f"{master}_20261202T090000Z", summary="own")["id"]
    desk.patch(master, summary="new", location="room 2")

    assert (desk.get(exception)["summary"], desk.get(exception)["location"]) == ("own", "room 2")


def test_making_a_series_a_single_event_ends_its_exceptions(desk: Desk) -> None:
    """Without recurrence there is nothing they could be exceptions of."""
    master = series(desk)
    exception = desk.patch(f"{master}_20261202T090000Z", summary="own")["id"]
    desk.patch(master, recurrence=None)

    assert desk.get(exception)["status"] == "cancelled"
    assert ids(desk.page(singleEvents=True)["items"]) == [master]


def test_a_guest_of_one_occurrence_has_the_exception_without_a_master(desk: Desk) -> None:
    """5.5: recurringEventId names what get answers with 404."""
    desk.token(BOB)
    master = series(desk)
    desk.patch(f"{master}_20261202T090000Z", attendees=[{"email": BOB}])
    (orphan,) = desk.page(BOB)["items"]

    assert orphan["recurringEventId"] == master
    assert refused(desk.events(BOB).get(calendarId="primary", eventId=master)) == (404, "notFound")


@pytest.mark.parametrize(
    "recurrence",
    [
        ["RRULE:FREQ=SECONDLY"],
        ["RRULE:FREQ=DAILY;INTERVAL=0"],
        ["RRULE:FREQ=DAILY;COUNT"],
        ["RRULE:FREQ=DAILY;BYDAY=XX"],
        ["RRULE:UNTIL=20261201"],
        ["RRULE:FREQ=DAILY;UNTIL=soon"],
        ["DTSTART:20261201T100000Z"],
        ["nonsense"],
        ["EXDATE:tomorrow"],
        [""],
    ],
)
def test_a_malformed_rule_is_refused(desk: Desk, recurrence: list[str]) -> None:
    """5.11: 400, and nothing is written."""
    body = {**hours("2026-12-01", 10, 11), "recurrence": recurrence}

    assert refused(desk.events().insert(calendarId="primary", body=body)) == (400, "invalid")


def test_a_timed_series_needs_a_zone(desk: Desk) -> None:
    """4.4: timeZone is required for recurring events."""
    request = desk.events().insert(calendarId="primary", body={**plain(), "recurrence": DAILY})

    assert refused(request) == (400, "required")


def test_a_malformed_series_put_in_raw_does_not_take_the_calendar_down(desk: Desk) -> None:
    """5.12: a bad rule made elsewhere stays one bad item among good ones."""
    good = series(desk)
    raw = {"id": "poison", "status": "confirmed", "recurrence": ["RRULE:FREQ=NEVER"], **hours("2026-12-01", 10, 11)}
    desk.control("events", calendarId="alice@example.com", event=raw)

    assert ids(desk.page()["items"]) == [good, "poison"]
    assert len(desk.page(singleEvents=True)["items"]) == 5


@pytest.mark.parametrize(
    ("window", "found"),
    [
        ({"timeMin": "2026-12-05T10:00:00Z"}, False),
        ({"timeMin": "2026-12-05T09:59:00Z"}, True),
        ({"timeMax": "2026-12-01T09:00:00Z"}, False),
        ({"timeMax": "2026-12-01T09:01:00Z"}, True),
        ({"timeMin": "2026-12-03T11:00:00Z", "timeMax": "2026-12-04T09:00:00Z"}, False),
    ],
)
def test_a_series_is_in_the_window_if_an_occurrence_is(desk: Desk, window: dict[str, str], *, found: bool) -> None:
    """2.1: singleEvents=false shows the master or nothing."""
    master = series(desk)

    assert ids(desk.page(**window)["items"]) == ([master] if found else [])


def test_an_endless_series_is_expanded_for_a_while_only(desk: Desk) -> None:
    """4.1: one edit of an unbounded series streams many instances to a client that asked for them."""
    token = desk.all(singleEvents=True)[1]
    series(desk, ["RRULE:FREQ=DAILY"])
    items, _ = desk.all(singleEvents=True, syncToken=token, maxResults=100)

    assert 700 < len(items) < 750
    assert len(set(ids(items))) == len(items)


def test_a_deleted_series_ends_each_of_its_occurrences_for_an_expanding_client(desk: Desk) -> None:
    """Q12: one tombstone for each occurrence."""
    master = series(desk)
    token = desk.all(singleEvents=True)[1]
    desk.delete(master)
    items, _ = desk.all(singleEvents=True, syncToken=token)

    assert [item["status"] for item in items] == ["cancelled"] * 5
    assert all(item["id"].startswith(f"{master}_") for item in items)
