"""Expansion of series: Google's own examples, clocks that jump, and rules at large (contract 5, 11)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.calendar_server.desk import BOB, Desk, hours, ids

TUESDAYS: dict[str, Any] = {
    "start": {"dateTime": "2015-09-15T06:00:00+02:00", "timeZone": "Europe/Zurich"},
    "end": {"dateTime": "2015-09-15T07:00:00+02:00", "timeZone": "Europe/Zurich"},
}
EVERY_THIRD_DAY: dict[str, Any] = {"start": {"date": "2015-06-01"}, "end": {"date": "2015-06-02"}}
ALL: dict[str, Any] = {"singleEvents": True, "orderBy": "startTime", "timeMax": "2029-01-01T00:00:00Z"}


def starts(items: list[dict[str, Any]]) -> list[str]:
    """When the items begin."""
    return [item["start"].get("dateTime") or item["start"]["date"] for item in items]


@pytest.mark.parametrize(
    "rule", ["RRULE:FREQ=WEEKLY;COUNT=5;BYDAY=TU,FR", "RRULE:FREQ=WEEKLY;UNTIL=20150929;BYDAY=TU,FR"]
)
def test_googles_first_example(desk: Desk, rule: str) -> None:
    """5.11: six to seven on Tuesdays and Fridays, the fifth and last on the 29th."""
    desk.insert(**TUESDAYS, recurrence=[rule])

    expected = [f"2015-09-{day}T06:00:00+02:00" for day in (15, 18, 22, 25, 29)]
    assert starts(desk.page(**ALL)["items"]) == expected


def test_googles_second_example(desk: Desk) -> None:
    """5.11: all day, every third day of June, not on the 10th, but on the 9th and the 11th."""
    rules = [
        "EXDATE;VALUE=DATE:20150610",
        "RDATE;VALUE=DATE:20150609,20150611",
        "RRULE:FREQ=DAILY;UNTIL=20150628;INTERVAL=3",
    ]
    desk.insert(**EVERY_THIRD_DAY, recurrence=rules)

    expected = [f"2015-06-{day:02}" for day in (1, 4, 7, 9, 11, 13, 16, 19, 22, 25, 28)]
    assert starts(desk.page(**ALL)["items"]) == expected


def test_lines_of_every_kind_may_occur_any_number_of_times(desk: Desk) -> None:
    """5.11: the union of all RRULEs and RDATEs minus all EXRULEs and EXDATEs."""
    rules = [
        "RRULE:FREQ=DAILY;COUNT=6",
        "RRULE:FREQ=WEEKLY;COUNT=3",
        "RDATE;VALUE=DATE:20150710",
        "RDATE;VALUE=DATE:20150711,20150712",
        "EXRULE:FREQ=DAILY;INTERVAL=5;COUNT=2",
        "EXDATE;VALUE=DATE:20150602",
        "EXDATE;VALUE=DATE:20150711",
    ]
    desk.insert(**EVERY_THIRD_DAY, recurrence=rules)

    expected = ["2015-06-03", "2015-06-04", "2015-06-05", "2015-06-08", "2015-06-15", "2015-07-10", "2015-07-12"]
    assert starts(desk.page(**ALL)["items"]) == expected


def test_this_and_following_takes_two_calls(desk: Desk) -> None:
    """5.7, 5.13: the old series is cut before the target, its later exceptions go; the new one begins at the target."""
    body: dict[str, Any] = {**hours("2026-12-01", 10, 11), "summary": "old"}
    master = desk.insert(**body, recurrence=["RRULE:FREQ=DAILY;COUNT=6"])["id"]
    kept = desk.patch(f"{master}_20261202T090000Z", summary="kept")["id"]
    reset = desk.patch(f"{master}_20261205T090000Z", summary="reset")["id"]
    token = desk.token()
    desk.patch(master, recurrence=["RRULE:FREQ=DAILY;UNTIL=20261203T225959Z"])
    following: dict[str, Any] = {**hours("2026-12-04", 14, 15), "summary": "new"}
    new = desk.insert(**following, recurrence=["RRULE:FREQ=DAILY;COUNT=3"])["id"]
    items = desk.page(**ALL)["items"]

    assert [(item["start"]["dateTime"][8:13], item["summary"]) for item in items] == [
        ("01T10", "old"),
        ("02T10", "kept"),
        ("03T10", "old"),
        ("04T14", "new"),
        ("05T14", "new"),
        ("06T14", "new"),
    ]
    assert {item["id"]: item["status"] for item in desk.changes(token)} == {
        master: "confirmed",
        reset: "cancelled",
        new: "confirmed",
    }
    assert desk.get(kept)["summary"] == "kept"


@pytest.mark.parametrize(
    ("fields", "recurrence", "expected"),
    [
        (  # two o'clock does not exist on the 28th
            hours("2027-03-27", 2, 3),
            ["RRULE:FREQ=DAILY;COUNT=3"],
            ["2027-03-27T02:00:00+01:00", "2027-03-28T03:00:00+02:00", "2027-03-29T02:00:00+02:00"],
        ),
        (  # two and three o'clock are one instant on the 28th
            hours("2027-03-27", 2, 3),
            ["RRULE:FREQ=DAILY;COUNT=4;BYHOUR=2,3"],
            ["2027-03-27T02:00:00+01:00", "2027-03-27T03:00:00+01:00", "2027-03-28T03:00:00+02:00"],
        ),
        (  # two o'clock comes twice on the 25th; the first is meant
            hours("2026-10-24", 2, 3),
            ["RRULE:FREQ=DAILY;COUNT=3"],
            ["2026-10-24T02:00:00+02:00", "2026-10-25T02:00:00+02:00", "2026-10-26T02:00:00+01:00"],
        ),
        (  # the second two o'clock, said by offset
            {
                "start": {"dateTime": "2026-10-25T02:00:00+01:00", "timeZone": "Europe/Zurich"},
                "end": {"dateTime": "2026-10-25T03:00:00+01:00", "timeZone": "Europe/Zurich"},
            },
            ["RRULE:FREQ=DAILY;COUNT=2"],
            ["2026-10-25T02:00:00+01:00", "2026-10-26T02:00:00+01:00"],
        ),
        (  # and said in UTC
            hours("2026-10-24", 2, 3),
            ["RDATE:20261025T010000Z"],
            ["2026-10-24T02:00:00+02:00", "2026-10-25T02:00:00+01:00"],
        ),
    ],
)
def test_hours_that_a_clock_skips_or_repeats(
    desk: Desk, fields: dict[str, Any], recurrence: list[str], expected: list[str]
) -> None:
    """5.1, 11: DST gaps and overlaps; each occurrence has an id of its own by which it is found and changed."""
    desk.insert(**fields, recurrence=recurrence)
    items = desk.page(**ALL)["items"]

    assert starts(items) == expected
    assert len(set(ids(items))) == len(items)
    for item in items:
        assert desk.get(item["id"]) == item
        assert desk.patch(item["id"], summary="own")["originalStartTime"] == item["start"]
    assert starts(desk.page(**ALL)["items"]) == expected


def test_a_guest_of_two_occurrences_has_two_orphans(desk: Desk) -> None:
    """5.5: each follows its own main copy; neither has a master there."""
    desk.token(BOB)
    body: dict[str, Any] = hours("2026-12-01", 10, 11)
    master = desk.insert(**body, recurrence=["RRULE:FREQ=DAILY;COUNT=5"])["id"]
    for day in (2, 4):
        desk.patch(f"{master}_2026120{day}T090000Z", attendees=[{"email": BOB}])
    moved = desk.patch(f"{master}_20261202T090000Z", **hours("2026-12-02", 15, 16))
    desk.delete(f"{master}_20261204T090000Z")
    orphans = {item["id"]: item for item in desk.page(BOB, showDeleted=True)["items"]}

    assert orphans[moved["id"]]["start"] == moved["start"]
    assert orphans[f"{master}_20261204T090000Z"]["status"] == "cancelled"
    assert set(orphans) == {moved["id"], f"{master}_20261204T090000Z"}


@pytest.mark.parametrize(
    "rule", ["FREQ=MONTHLY;INTERVAL=2;BYMONTH=1", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=WEEKLY;COUNT=0"]
)
def test_a_rule_that_never_comes_true_has_no_occurrence(desk: Desk, rule: str) -> None:
    """5.11: it is sought for two hundred years, not to the end of time."""
    master = desk.insert(**hours("2026-02-01", 10, 11), recurrence=[f"RRULE:{rule}"])["id"]

    assert desk.page(**ALL)["items"] == []
    assert ids(desk.page()["items"]) == [master]


def test_a_rule_may_have_both_a_count_and_an_end(desk: Desk) -> None:
    """RFC 5545 forbids it, other software writes it: whichever comes first."""
    desk.insert(**EVERY_THIRD_DAY, recurrence=["RRULE:FREQ=DAILY;COUNT=4;UNTIL=20150603"])
    desk.insert(**EVERY_THIRD_DAY, recurrence=["RRULE:FREQ=DAILY;COUNT=2;UNTIL=20150609"])

    assert starts(desk.page(**ALL)["items"]) == ["2015-06-01", "2015-06-01", "2015-06-02", "2015-06-02", "2015-06-03"]


ZONES = ("Europe/Zurich", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC")
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@st.composite
def rules(draw: st.DrawFn) -> str:
    """A rule with an end, of the parts that people use."""
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = [f"FREQ={frequency}"]
    parts += [f"INTERVAL={draw(st.integers(1, 4))}", f"COUNT={draw(st.integers(1, 8))}"]
    if draw(st.booleans()):
        parts.append(f"BYDAY={','.join(draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=3, unique=True)))}")
    if frequency in {"DAILY", "YEARLY"} and draw(st.booleans()):  # else it may never come true
        parts.append(f"BYMONTH={draw(st.integers(1, 12))}")
    return ";".join(parts)


moments = st.datetimes(datetime(2024, 1, 1), datetime(2026, 12, 31)).map(lambda at: at.replace(second=0, microsecond=0))  # noqa: DTZ001 - a wall clock; the zone is drawn apart


@given(rules(), moments, st.sampled_from(ZONES))
def test_timed_series_agree_with_dateutil(rule: str, local: datetime, zone: str) -> None:
    """5.1, 5.11: the rule runs on the zone's wall clock; each occurrence is found by its id."""
    desk = Desk()
    end = local + timedelta(hours=1)
    times: dict[str, Any] = {
        "start": {"dateTime": local.isoformat(), "timeZone": zone},
        "end": {"dateTime": end.isoformat(), "timeZone": zone},
    }
    master = desk.insert(**times, recurrence=[f"RRULE:{rule}"])["id"]
    items, _ = desk.all(singleEvents=True, timeMax="2200-01-01T00:00:00Z")

    there = [at.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for at in rrulestr(rule, dtstart=local)]
    expected = sorted({at for at in there if at.year < 2200})
    assert sorted(datetime.fromisoformat(item["start"]["dateTime"]) for item in items) == expected
    assert sorted(ids(items)) == [f"{master}_{at:%Y%m%dT%H%M%SZ}" for at in expected]
    for item in items:
        assert desk.get(item["id"]) == item


@given(rules(), st.dates(date(2024, 1, 1), date(2026, 12, 31)), st.integers(1, 3), st.sampled_from(ZONES))
def test_all_day_series_agree_with_dateutil(rule: str, first: date, days: int, zone: str) -> None:
    """5.1: days have no zone, whatever the calendar's is."""
    desk = Desk()
    desk.control("calendars", id="alice@example.com", owner="alice@example.com", timeZone=zone)
    times: dict[str, Any] = {
        "start": {"date": first.isoformat()},
        "end": {"date": (first + timedelta(days=days)).isoformat()},
    }
    master = desk.insert(**times, recurrence=[f"RRULE:{rule}"])["id"]
    items, _ = desk.all(singleEvents=True, timeMax="2200-01-01T00:00:00Z")

    found = rrulestr(rule, dtstart=datetime(first.year, first.month, first.day))  # noqa: DTZ001 - days have no zone
    expected = [at for at in found if at.year < 2200]
    assert sorted(starts(items)) == [f"{at:%Y-%m-%d}" for at in expected]
    assert sorted(ids(items)) == [f"{master}_{at:%Y%m%d}" for at in expected]
    for item in items:
        assert desk.get(item["id"]) == item
        assert date.fromisoformat(item["end"]["date"]) - date.fromisoformat(item["start"]["date"]) == timedelta(days)


@given(rules(), moments, st.sets(st.integers(0, 7)), st.integers(1, 5))
def test_instances_are_the_expanded_list(rule: str, local: datetime, changed: set[int], size: int) -> None:
    """5.14: page by page, with whatever became of single occurrences."""
    desk = Desk()
    start, end = local.isoformat(), (local + timedelta(hours=1)).isoformat()
    master = desk.insert(
        start={"dateTime": start, "timeZone": "Europe/Zurich"},
        end={"dateTime": end, "timeZone": "Europe/Zurich"},
        recurrence=[f"RRULE:{rule}"],
    )["id"]
    window: dict[str, Any] = {"timeMax": "2200-01-01T00:00:00Z"}
    first, _ = desk.all(singleEvents=True, **window)
    for number, item in enumerate(first):
        if number in changed and number % 2:
            desk.delete(item["id"])
        elif number in changed:
            desk.patch(item["id"], summary="own")
    found: list[dict[str, Any]] = []
    page: dict[str, Any] = {"nextPageToken": None}
    while "nextPageToken" in page:
        token: dict[str, Any] = {"pageToken": page["nextPageToken"]} if page["nextPageToken"] else {}
        request = desk.events().instances(calendarId="primary", eventId=master, maxResults=size, **window, **token)
        page = request.execute()
        found += page["items"]
    listed, _ = desk.all(singleEvents=True, orderBy="startTime", **window)

    assert found == listed
