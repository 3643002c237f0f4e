"""Moving an event in time, as the console's buttons do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.errors import Poison, Unsupported
from conference.event import Event, EventTime
from functions.console.forms import SHIFTS
from functions.console.moves import Shift, shifted

ZURICH = ZoneInfo("Europe/Zurich")
ZONES = st.sampled_from(["Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"])
STARTS = st.integers(1_600_000_000, 2_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
LENGTHS = st.integers(1, 60 * 48).map(lambda minutes: timedelta(minutes=minutes))


def timed(start: str, end: str, zone: str | None = "Europe/Zurich") -> Event:
    """An event with hours."""
    return Event("e", start=EventTime(date_time=start, zone=zone), end=EventTime(date_time=end, zone=zone))


def instants(moved: dict[str, Any]) -> tuple[datetime, datetime]:
    """When a moved event starts and ends."""
    return datetime.fromisoformat(moved["start"]["dateTime"]), datetime.fromisoformat(moved["end"]["dateTime"])


@pytest.mark.parametrize(
    ("start", "by", "then"),
    [
        ("2026-11-24T10:00:00+01:00", "+30", "2026-11-24T10:30:00+01:00"),
        ("2026-11-24T10:00:00+01:00", "-60", "2026-11-24T09:00:00+01:00"),
        ("2026-11-24T00:15:00+01:00", "-30", "2026-11-23T23:45:00+01:00"),
        ("2026-11-24T10:00:00+01:00", "+1d", "2026-11-25T10:00:00+01:00"),
        # Over the change of the clocks: a day later is the same hour on the wall, 25 hours on.
        ("2026-10-24T10:00:00+02:00", "+1d", "2026-10-25T10:00:00+01:00"),
        ("2026-03-29T10:00:00+02:00", "-1d", "2026-03-28T10:00:00+01:00"),
        # Half an hour of elapsed time, although the wall shows 02:45 twice.
        ("2026-10-25T02:45:00+02:00", "+30", "2026-10-25T02:15:00+01:00"),
        # There is no 02:30 on that day: the next hour that is there.
        ("2026-03-28T02:30:00+01:00", "+1d", "2026-03-29T03:30:00+02:00"),
    ],
)
def test_each_step(start: str, by: str, then: str) -> None:
    """Minutes are elapsed time, days keep the hour on the wall."""
    event = timed(start, (datetime.fromisoformat(start) + timedelta(hours=1)).isoformat())

    moved = shifted(event, SHIFTS[by], ZURICH)

    assert moved["start"] == {"dateTime": then, "timeZone": "Europe/Zurich"}


@given(STARTS, LENGTHS, ZONES, st.sampled_from(sorted(SHIFTS)))
def test_a_move_keeps_the_length_and_the_zone(start: datetime, length: timedelta, zone: str, by: str) -> None:
    """However the clocks change in between, an event lasts as long after a move as before."""
    moved = shifted(timed(start.isoformat(), (start + length).isoformat(), zone), SHIFTS[by], ZURICH)

    first, last = instants(moved)
    assert last - first == length
    assert moved["start"]["timeZone"] == moved["end"]["timeZone"] == zone


@given(STARTS, LENGTHS, ZONES, st.sampled_from([30, 60]))
def test_there_and_back_by_minutes(start: datetime, length: timedelta, zone: str, minutes: int) -> None:
    """A move by minutes is undone by the opposite one, whatever the zone."""
    there = shifted(timed(start.isoformat(), (start + length).isoformat(), zone), Shift(minutes=minutes), ZURICH)
    first, last = instants(there)
    back = shifted(timed(first.isoformat(), last.isoformat(), zone), Shift(minutes=-minutes), ZURICH)

    assert instants(back) == (start, start + length)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 30), st.sampled_from([-1, 1]))
def test_whole_days_move_by_days(first: date, length: int, days: int) -> None:
    """An event of whole days stays one."""
    end = first + timedelta(days=length)
    event = Event("e", start=EventTime(date=first.isoformat()), end=EventTime(date=end.isoformat()))

    moved = shifted(event, Shift(days=days), ZURICH)

    step = timedelta(days=days)
    assert moved == {"start": {"date": (first + step).isoformat()}, "end": {"date": (end + step).isoformat()}}


def test_a_whole_day_without_an_end_moves_its_start() -> None:
    """Google leaves out an end that nobody gave; none is made up."""
    event = Event("e", start=EventTime(date="2026-11-24"))

    assert shifted(event, Shift(days=1), ZURICH) == {"start": {"date": "2026-11-25"}}


def test_whole_days_do_not_move_by_minutes() -> None:
    """There is no half past a whole day."""
    event = Event("e", start=EventTime(date="2026-11-24"), end=EventTime(date="2026-11-25"))

    with pytest.raises(Unsupported):
        shifted(event, Shift(minutes=30), ZURICH)


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (Event("e"), Poison),
        (Event("e", start=EventTime(date="2026-99-99")), Poison),
        (Event("e", start=EventTime(date_time="soon")), Poison),
        (timed("2026-11-24T11:00:00+01:00", "2026-11-24T10:00:00+01:00"), Poison),
        (Event("e", start=EventTime(date="2199-12-31")), Unsupported),
        (Event("e", start=EventTime(date="9999-12-31")), Poison),
        (timed("2199-12-31T10:00:00+00:00", "2199-12-31T11:00:00+00:00"), Unsupported),
    ],
)
def test_what_cannot_be_moved(event: Event, error: type[Exception]) -> None:
    """Times that cannot be read, and moves that lead nowhere, are errors of the house and nothing else."""
    with pytest.raises(error):
        shifted(event, Shift(days=1), ZURICH)


def test_a_zone_nobody_knows() -> None:
    """An offset in place of a zone gives way to the calendar's zone; the instant is right."""
    moved = shifted(
        timed("2026-11-24T10:00:00-07:00", "2026-11-24T11:00:00-07:00", "GMT-07:00"), Shift(minutes=30), ZURICH
    )

    assert moved["start"] == {"dateTime": "2026-11-24T18:30:00+01:00", "timeZone": "Europe/Zurich"}
