"""freebusy.query (contract 11, 14; DISC for its shapes)."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.calendar_server.desk import ALICE, BOB, CAROL, Desk, hours, refused, run
from tests.contract.calendar_server.sharing import share

DAY = {"timeMin": "2026-12-01T00:00:00Z", "timeMax": "2026-12-02T00:00:00Z"}
MIDNIGHT = datetime(2026, 12, 1, tzinfo=UTC)


def query(desk: Desk, *asked: str, user: str = ALICE, **fields: Any) -> dict[str, Any]:
    """The whole answer for these calendars, by default of the first of December."""
    body = {**DAY, "items": [{"id": each} for each in asked or ("primary",)], **fields}
    return run(desk.client(user).freebusy().query(body=body))


def busy(desk: Desk, *asked: str, **options: Any) -> list[tuple[str, str]]:
    """The spans of the one calendar that is asked for."""
    (calendar,) = query(desk, *asked, **options)["calendars"].values()
    assert "errors" not in calendar
    return [(span["start"], span["end"]) for span in calendar["busy"]]


def at(hour: int, minute: int = 0) -> str:
    """An instant of the first of December."""
    return f"2026-12-01T{hour:02}:{minute:02}:00Z"


def test_the_answer_names_the_range_and_the_calendars_as_asked(desk: Desk) -> None:
    """DISC: kind, timeMin, timeMax; `primary` stays `primary`."""
    desk.insert()

    assert query(desk, "primary", ALICE) == {
        "kind": "calendar#freeBusy",
        "timeMin": "2026-12-01T00:00:00.000Z",
        "timeMax": "2026-12-02T00:00:00.000Z",
        "calendars": {name: {"busy": [{"start": at(10), "end": at(11)}]} for name in ("primary", ALICE)},
    }


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        ({}, True),
        ({"visibility": "private"}, True),
        ({"status": "tentative"}, True),
        ({"transparency": "transparent"}, False),
        ({"attendees": [{"email": ALICE, "responseStatus": "declined"}]}, False),
        ({"attendees": [{"email": ALICE, "responseStatus": "needsAction"}]}, True),
        ({"attendees": [{"email": BOB, "responseStatus": "declined"}]}, True),
    ],
)
def test_which_events_take_their_time(desk: Desk, fields: dict[str, Any], *, counts: bool) -> None:
    """8, 11: neither transparent nor declined by the calendar's own person; private ones do."""
    desk.insert(**fields)

    assert (busy(desk) == [(at(10), at(11))]) is counts


def test_a_deleted_event_takes_no_time(desk: Desk) -> None:
    """14: nor does a cancelled occurrence."""
    desk.delete(desk.insert()["id"])

    assert busy(desk) == []


def test_series_are_expanded(desk: Desk) -> None:
    """14: a moved occurrence counts where it now is, a cancelled one not at all."""
    series = desk.insert(**hours("2026-11-30", 10, 11), recurrence=["RRULE:FREQ=DAILY;COUNT=5"])["id"]
    desk.patch(f"{series}_20261202T090000Z", start={"dateTime": at(20)}, end={"dateTime": at(21)})
    desk.delete(f"{series}_20261203T090000Z")

    assert busy(desk) == [(at(9), at(10)), (at(20), at(21))]
    assert len(busy(desk, timeMin="2026-11-01T00:00:00Z", timeMax="2026-12-31T00:00:00Z")) == 4


def test_days_lie_in_the_calendars_zone(desk: Desk) -> None:
    """11: an all-day event begins at the calendar's midnight; spans are cut at the range."""
    desk.insert(start={"date": "2026-12-01"}, end={"date": "2026-12-02"})
    around = {"timeMin": "2026-11-30T00:00:00Z", "timeMax": "2026-12-03T00:00:00Z"}

    assert busy(desk, **around) == [("2026-11-30T23:00:00Z", at(23))]
    assert busy(desk) == [(at(0), at(23))]


def test_spans_are_shown_in_the_zone_that_was_asked_for(desk: Desk) -> None:
    """DISC: timeZone, by default UTC."""
    desk.insert()

    assert busy(desk, timeZone="Asia/Tokyo") == [("2026-12-01T19:00:00+09:00", "2026-12-01T20:00:00+09:00")]


@pytest.mark.parametrize("role", ["none", "freeBusyReader", "reader", "writer"])
def test_who_may_know_when_a_calendar_is_busy(desk: Desk, role: str) -> None:
    """11, 14.12: the least role will do; without any, notFound stands in the calendar's place."""
    desk.insert()
    if role != "none":
        share(desk, role)
    answer = query(desk, ALICE, BOB, user=BOB)["calendars"]

    unknown = {"errors": [{"domain": "global", "reason": "notFound"}], "busy": []}
    assert answer[ALICE] == (unknown if role == "none" else {"busy": [{"start": at(10), "end": at(11)}]})
    assert answer[BOB] == {"busy": []}
    assert query(desk, "nobody@example.com")["calendars"] == {"nobody@example.com": unknown}


def test_a_group_stands_for_its_members(desk: Desk) -> None:
    """DISC: the group's calendars are named and answered; too large a group is an error of its own."""
    desk.insert()
    desk.token(BOB)
    desk.control("groups", id="team@example.com", members=[ALICE, BOB])
    small = query(desk, "team@example.com", BOB)
    large = query(desk, "team@example.com", groupExpansionMax=1)

    assert small["groups"] == {"team@example.com": {"calendars": [ALICE, BOB]}}
    assert list(small["calendars"]) == [BOB, ALICE]
    assert large["groups"] == {"team@example.com": {"errors": [{"domain": "global", "reason": "groupTooBig"}]}}
    assert large["calendars"] == {}


def test_too_many_calendars_are_refused_one_by_one(desk: Desk) -> None:
    """DISC: at most calendarExpansionMax, which is at most 50."""
    names = [ALICE, *(f"c{number}@example.com" for number in range(50))]
    answer = query(desk, *names)["calendars"]
    fewer = query(desk, ALICE, BOB, calendarExpansionMax=1)["calendars"]

    assert answer[names[-1]]["errors"] == [{"domain": "global", "reason": "tooManyCalendarsRequested"}]
    assert answer[names[-2]]["errors"] == [{"domain": "global", "reason": "notFound"}]
    assert [("errors" in each) for each in fewer.values()] == [False, True]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"timeMin": None}, "required"),
        ({"timeMax": None}, "required"),
        ({"timeMax": DAY["timeMin"]}, "timeRangeEmpty"),
        ({"timeMax": "2026-11-30T00:00:00Z"}, "timeRangeEmpty"),
        ({"timeMax": "2027-03-02T00:00:00Z"}, "timeRangeTooLong"),
        ({"timeMin": "2026-12-01T00:00:00"}, "invalid"),
        ({"timeMin": "0001-01-01T00:00:00Z"}, "invalid"),
        ({"timeMin": "yesterday"}, "invalid"),
        ({"timeZone": "Mars"}, "invalid"),
        ({"groupExpansionMax": 101}, "invalid"),
        ({"calendarExpansionMax": 51}, "invalid"),
        ({"calendarExpansionMax": -1}, "invalid"),
        ({"items": "primary"}, "invalid"),
    ],
)
def test_what_cannot_be_asked_is_refused(desk: Desk, fields: dict[str, Any], reason: str) -> None:
    """10.1: 400; a range of 90 days still goes through."""
    desk.control("groups", id="team@example.com", members=[ALICE])
    body = {**DAY, "items": [{"id": "team@example.com"}], **fields}

    assert refused(desk.client().freebusy().query(body=body)) == (400, reason)
    assert busy(desk, timeMax="2027-03-01T00:00:00Z") == []


def test_an_unreadable_event_takes_no_time_and_breaks_nothing(desk: Desk) -> None:
    """5.12: what was put in raw may hold anything."""
    desk.insert()
    for number, start in enumerate(["x", {"dateTime": "soon"}, {}, None]):
        event = {"id": f"raw{number}", "status": "confirmed", "start": start, "recurrence": ["RRULE:FREQ=NEVER"]}
        desk.control("events", calendarId=ALICE, event=event)

    assert busy(desk) == [(at(10), at(11))]


def test_no_word_of_what_keeps_somebody_busy(desk: Desk) -> None:
    """11: the whole answer holds nothing of the events."""
    desk.insert(summary="the secret", location="hideout", attendees=[{"email": CAROL}])
    share(desk, "freeBusyReader")

    assert not any(word in str(query(desk, ALICE, user=BOB)) for word in ("secret", "hideout", CAROL))


SPAN = st.tuples(st.integers(-120, 26 * 60), st.integers(0, 300))


@given(st.lists(SPAN, max_size=8))
def test_spans_are_those_minutes_that_any_event_takes(given_spans: list[tuple[int, int]]) -> None:
    """14: joined where they overlap or touch, cut at the range, in order."""
    desk = Desk()
    for begin, length in given_spans:
        begins = MIDNIGHT + timedelta(minutes=begin)
        ends = begins + timedelta(minutes=length)
        desk.insert(start={"dateTime": begins.isoformat()}, end={"dateTime": ends.isoformat()})
    spans = [tuple(map(datetime.fromisoformat, span)) for span in busy(desk)]
    taken = {minute for begin, length in given_spans for minute in range(max(begin, 0), min(begin + length, 24 * 60))}

    minutes = [((one - MIDNIGHT).total_seconds() // 60, (two - MIDNIGHT).total_seconds() // 60) for one, two in spans]
    assert {minute for one, two in minutes for minute in range(int(one), int(two))} == taken
    assert all(earlier[1] < later[0] for earlier, later in itertools.pairwise(minutes))
