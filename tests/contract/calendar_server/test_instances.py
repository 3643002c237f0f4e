"""events.instances (contract 5.14)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.calendar_server.desk import Desk, hours, ids, plain, refused, run

DAILY = ["RRULE:FREQ=DAILY;COUNT=5"]


def series(desk: Desk, **fields: Any) -> str:
    """A series at ten o'clock in Zurich from the first of December."""
    event_id: str = desk.insert(**{**hours("2026-12-01", 10, 11), "recurrence": DAILY, **fields})["id"]
    return event_id


def instances(desk: Desk, event: str, **options: Any) -> dict[str, Any]:
    """One page of the occurrences."""
    return run(desk.events().instances(calendarId="primary", eventId=event, **options))


def days(page: dict[str, Any]) -> list[str]:
    """The days of the original starts in an answer."""
    starts = [item["originalStartTime"] for item in page["items"]]
    return [(start.get("dateTime") or start["date"])[8:10] for start in starts]


def test_each_occurrence_is_what_get_answers_for_its_id(desk: Desk) -> None:
    """5.1, 5.14: unchanged and changed ones, in the order of the original starts."""
    master = series(desk)
    desk.patch(f"{master}_20261202T090000Z", summary="moved", **hours("2026-12-20", 8, 9))
    page = instances(desk, master)

    assert days(page) == ["01", "02", "03", "04", "05"]
    assert [desk.get(item["id"]) for item in page["items"]] == page["items"]
    assert (page["kind"], "nextSyncToken" in page) == ("calendar#events", False)


def test_pages_hold_as_many_as_asked_for(desk: Desk) -> None:
    """5.14: maxResults; a change between two pages shifts nothing."""
    master = series(desk)
    first = instances(desk, master, maxResults=2)
    desk.delete(f"{master}_20261201T090000Z")
    second = instances(desk, master, maxResults=2, pageToken=first["nextPageToken"])
    last = instances(desk, master, maxResults=2, pageToken=second["nextPageToken"])

    assert [days(page) for page in (first, second, last)] == [["01", "02"], ["03", "04"], ["05"]]
    assert "nextPageToken" not in last


def test_a_page_token_belongs_to_its_series(desk: Desk) -> None:
    """2.1: every other parameter must be repeated unchanged."""
    token = instances(desk, series(desk), maxResults=2)["nextPageToken"]
    request = desk.events().instances(calendarId="primary", eventId=series(desk), maxResults=2, pageToken=token)

    assert refused(request) == (400, "invalid")


def test_by_default_a_page_has_250(desk: Desk) -> None:
    """5.14: and more than 2500 is capped."""
    master = series(desk, recurrence=["RRULE:FREQ=DAILY;COUNT=3000"])
    far = {"timeMax": "2040-01-01T00:00:00Z"}

    assert len(instances(desk, master)["items"]) == 250
    assert len(instances(desk, master, maxResults=9999, **far)["items"]) == 2500


@pytest.mark.parametrize("shown", [False, True])
def test_cancelled_occurrences_are_shown_on_demand(desk: Desk, *, shown: bool) -> None:
    """5.14: showDeleted."""
    master = series(desk)
    desk.delete(f"{master}_20261203T090000Z")
    page = instances(desk, master, showDeleted=shown)

    assert days(page) == (["01", "02", "03", "04", "05"] if shown else ["01", "02", "04", "05"])
    assert [item["status"] for item in page["items"]].count("cancelled") == int(shown)


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ({"timeMin": "2026-12-04T10:00:00Z"}, ["04", "05"]),
        ({"timeMin": "2026-12-04T10:00:01Z"}, ["05"]),
        ({"timeMax": "2026-12-02T09:00:00Z"}, ["01"]),
        ({"timeMax": "2026-12-02T09:00:01Z"}, ["01", "02"]),
        ({"timeMin": "2026-12-02T00:00:00Z", "timeMax": "2026-12-04T00:00:00Z"}, ["02", "03"]),
    ],
)
def test_the_lower_bound_is_inclusive(desk: Desk, window: dict[str, str], expected: list[str]) -> None:
    """2.2: unlike events.list; the upper one is exclusive."""
    assert days(instances(desk, series(desk), **window)) == expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("2026-12-03T10:00:00+01:00", ["03"]),
        ("2026-12-03T09:00:00Z", ["03"]),
        ("2026-12-03T10:00:00Z", []),
        ("2026-12-09T09:00:00Z", []),
        ("2026-12-03", []),
    ],
)
def test_one_occurrence_is_found_by_its_original_start(desk: Desk, wanted: str, expected: list[str]) -> None:
    """5.14: wherever it was moved to."""
    master = series(desk)
    desk.patch(f"{master}_20261203T090000Z", **hours("2026-12-30", 8, 9))

    assert days(instances(desk, master, originalStart=wanted)) == expected


@pytest.mark.parametrize("wanted", ["2026-12-03", "2026-12-03T00:00:00Z", "2026-12-03T00:00:00+01:00"])
def test_an_all_day_occurrence_is_found_by_its_day(desk: Desk, wanted: str) -> None:
    """5.14: the bare date, or midnight of it."""
    master = series(desk, start={"date": "2026-12-01"}, end={"date": "2026-12-02"})

    assert ids(instances(desk, master, originalStart=wanted)["items"]) == [f"{master}_20261203"]


@pytest.mark.parametrize("wanted", ["soon", "2026-13-01", "2026-12-03T10:00:00", "0001-01-01"])
def test_an_original_start_that_cannot_be_read_is_refused(desk: Desk, wanted: str) -> None:
    """10.1: 400 `invalid`."""
    request = desk.events().instances(calendarId="primary", eventId=series(desk), originalStart=wanted)

    assert refused(request) == (400, "invalid")


def test_an_occurrence_has_itself(desk: Desk) -> None:
    """5.14: given an instance id; an empty list for a cancelled one."""
    master = series(desk)
    kept, gone = f"{master}_20261202T090000Z", f"{master}_20261203T090000Z"
    desk.delete(gone)

    assert ids(instances(desk, kept)["items"]) == [kept]
    assert instances(desk, gone)["items"] == []


def test_an_event_that_never_was_has_none(desk: Desk) -> None:
    """10.1: 404; a window without room is refused."""
    master = series(desk)
    same = {"timeMin": "2026-12-02T00:00:00Z", "timeMax": "2026-12-02T00:00:00Z"}

    assert refused(desk.events().instances(calendarId="primary", eventId="nothing")) == (404, "notFound")
    assert refused(desk.events().instances(calendarId="primary", eventId=master, **same)) == (400, "timeRangeEmpty")


def test_instances_can_be_masked_zoned_and_conditional(desk: Desk) -> None:
    """1.2.1, 2.1, 7.3: fields, timeZone, If-None-Match as in a list."""
    master = series(desk)
    page = instances(desk, master, fields="items(start)", maxResults=1, timeZone="UTC")
    request = desk.events().instances(calendarId="primary", eventId=master)
    request.headers["If-None-Match"] = instances(desk, master)["etag"]

    assert page["items"] == [{"start": {"dateTime": "2026-12-01T09:00:00Z", "timeZone": "Europe/Zurich"}}]
    assert run_status(request) == 304


def test_a_series_put_in_raw_with_a_bad_rule_has_its_exceptions_only(desk: Desk) -> None:
    """5.12: no crash."""
    desk.page()
    raw = {"id": "poison", "status": "confirmed", "recurrence": ["RRULE:FREQ=NEVER"], **plain()}
    desk.control("events", calendarId="alice@example.com", event=raw)

    assert instances(desk, "poison")["items"] == []


def run_status(request: Any) -> int:
    """The status of a request that Google's client takes for an error."""
    try:
        request.execute()
    except Exception as error:  # noqa: BLE001 - HttpError of a library without types
        return int(getattr(error, "status_code", 0))
    return 200
