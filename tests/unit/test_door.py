"""When a room's door stands open: for single events, for series, and for dates that were moved or cancelled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.door import AFTER, BEFORE, Date, Door, Standing, chosen, standing
from conference.errors import Poison
from conference.event import Event, EventTime
from conference.slot import Occurrence, Slot

ZURICH = ZoneInfo("Europe/Zurich")
MINUTE = timedelta(minutes=1)


def at(wall: str) -> datetime:
    """An instant by its wall time in Zurich."""
    return datetime.fromisoformat(wall).replace(tzinfo=ZURICH).astimezone(UTC)


def hour(wall: str, minutes: int = 60) -> Slot:
    """A slot from a wall time on."""
    return Slot(at(wall), at(wall) + minutes * MINUTE, "Europe/Zurich")


def event(*recurrence: str, start: str = "2026-11-24T10:00", minutes: int = 60, **fields: Any) -> Event:
    """An event from a wall time on."""
    end = (datetime.fromisoformat(start) + minutes * MINUTE).isoformat()
    times = {"start": EventTime(None, start, "Europe/Zurich"), "end": EventTime(None, end, "Europe/Zurich")}
    return Event(**{"id": "e", "summary": "Planning", **times, "recurrence": recurrence, **fields})


def stands(what: Event, now: str, *exceptions: Occurrence) -> Standing:
    """How the door stands at a wall time."""
    return standing(what, exceptions, ZURICH, at(now))


def told(found: Standing) -> tuple[Door, str | None]:
    """The door, and the wall time at which the date that counts begins."""
    return found.door, f"{found.date.slot.start.astimezone(ZURICH):%d %H:%M}" if found.date else None


@pytest.mark.parametrize(
    ("now", "door"),
    [
        ("2026-11-24T09:44:59", Door.EARLY),
        ("2026-11-24T09:45:00", Door.OPEN),
        ("2026-11-24T11:00:00", Door.OPEN),
        ("2026-11-24T11:29:59", Door.OPEN),
        ("2026-11-24T11:30:00", Door.OVER),
    ],
)
def test_single(now: str, door: Door) -> None:
    """The door is open from a quarter of an hour before the start until half an hour after the end."""
    date = Date(hour("2026-11-24T10:00"), "Planning")

    assert stands(event(), now) == Standing(door, "Planning", date)
    assert (date.opens, date.closes) == (at("2026-11-24T09:45"), at("2026-11-24T11:30"))


WEEKLY = "RRULE:FREQ=WEEKLY;COUNT=4"  # 24 November, 1, 8 and 15 December
MOVED = Occurrence(at("2026-12-01T10:00"), hour("2026-12-02T16:00"), "Moved")
CANCELLED = Occurrence(at("2026-12-01T10:00"), None)
STRAY = Occurrence(at("2026-12-03T10:00"), hour("2026-12-03T10:00"), "Of an old rule")


@pytest.mark.parametrize(
    ("now", "exceptions", "expected"),
    [
        ("2026-11-20T10:00", (), (Door.EARLY, "24 10:00")),
        ("2026-11-24T11:29", (), (Door.OPEN, "24 10:00")),
        ("2026-11-24T11:31", (), (Door.EARLY, "01 10:00")),
        ("2026-12-01T09:50", (), (Door.OPEN, "01 10:00")),
        ("2026-12-15T11:31", (), (Door.OVER, "15 10:00")),
        ("2026-12-01T10:00", (MOVED,), (Door.EARLY, "02 16:00")),
        ("2026-12-02T15:45", (MOVED,), (Door.OPEN, "02 16:00")),
        ("2026-12-02T17:31", (MOVED,), (Door.EARLY, "08 10:00")),
        ("2026-12-01T10:00", (CANCELLED,), (Door.EARLY, "08 10:00")),
        ("2026-12-03T10:00", (STRAY,), (Door.EARLY, "08 10:00")),
        ("2026-12-20T10:00", (Occurrence(at("2026-12-15T10:00"), hour("2027-01-05T10:00")),), (Door.EARLY, "05 10:00")),
    ],
)
def test_series(now: str, exceptions: tuple[Occurrence, ...], expected: tuple[Door, str]) -> None:
    """The date that counts is the one whose door is open, else the next one, else the last one."""
    assert told(stands(event(WEEKLY), now, *exceptions)) == expected


def test_a_moved_date_has_its_own_title() -> None:
    """An exception is called what it is called, and the other dates what the series is called."""
    assert stands(event(WEEKLY), "2026-12-02T16:00", MOVED).title == "Moved"
    assert stands(event(WEEKLY), "2026-12-08T10:00", MOVED).title == "Planning"


def test_a_moved_date_is_not_called_off() -> None:
    """At the time from which it was moved nothing is said; and what has no title of its own has the series'."""
    untitled = Occurrence(at("2026-12-01T10:00"), hour("2026-12-02T16:00"))

    assert stands(event(WEEKLY), "2026-12-01T10:00", MOVED).called_off is None
    assert stands(event(WEEKLY), "2026-12-02T16:00", untitled).title == "Planning"


def test_a_series_that_became_a_single_event() -> None:
    """What was cancelled of it before counts no more."""
    assert told(stands(event(), "2026-11-24T10:00", Occurrence(at("2026-11-24T10:00"), None))) == (
        Door.OPEN,
        "24 10:00",
    )


def test_a_cancelled_date_is_told_while_it_would_be_open() -> None:
    """Whoever comes for a date that was cancelled learns it; before and after, nobody needs to."""
    told_at = ["2026-12-01T09:44", "2026-12-01T09:45", "2026-12-01T11:29", "2026-12-01T11:30"]

    found = [stands(event(WEEKLY), now, CANCELLED).called_off for now in told_at]

    assert found == [None, hour("2026-12-01T10:00"), hour("2026-12-01T10:00"), None]


def test_a_series_of_which_nothing_is_left() -> None:
    """With every date cancelled it is as good as cancelled."""
    gone = Occurrence(at("2026-11-24T10:00"), None)
    series = event("RRULE:FREQ=DAILY;COUNT=1")

    assert stands(series, "2026-11-20T10:00", gone) == Standing(Door.CANCELLED, "Planning")
    assert stands(series, "2026-11-24T10:00", gone) == Standing(
        Door.CANCELLED, "Planning", called_off=hour("2026-11-24T10:00")
    )


def test_a_tombstone() -> None:
    """A cancelled event needs no times to be told of."""
    tombstone = Event("e", "cancelled", summary="Planning")

    assert stands(tombstone, "2026-11-24T10:00") == Standing(Door.CANCELLED, "Planning")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-24T09:50", (Door.OPEN, "24 09:00")),
        ("2026-11-24T10:00", (Door.OPEN, "24 10:00")),
        ("2026-11-24T10:29", (Door.OPEN, "24 10:00")),
    ],
)
def test_dates_back_to_back(now: str, expected: tuple[Door, str]) -> None:
    """Of two dates whose doors are open, the one under way counts."""
    twice = event("RRULE:FREQ=DAILY;COUNT=1", "RDATE;TZID=Europe/Zurich:20261124T100000", start="2026-11-24T09:00")

    assert told(stands(twice, now)) == expected


@pytest.mark.parametrize(("now", "begins"), [("09:59:59", "10:10"), ("10:00", "10:00"), ("11:00", "11:05")])
def test_a_date_is_under_way_from_its_start_until_just_before_its_end(now: str, begins: str) -> None:
    """Before and after, whoever comes means the latest of those that are open."""
    late = [hour("2026-11-24T11:05", 5)] if now == "11:00" else []
    slots = [hour("2026-11-24T10:00", 60), hour("2026-11-24T10:10", 5), *late]

    found = chosen([Date(slot, "x") for slot in slots], at(f"2026-11-24T{now}"))

    assert found is not None
    assert found.slot.start == at(f"2026-11-24T{begins}")


def test_wall_time_is_kept_over_the_change_of_clocks() -> None:
    """A series at ten goes on at ten, and a whole day ends at midnight though it has 25 hours."""
    series = event("RRULE:FREQ=DAILY", start="2026-10-24T10:00")
    whole = Event("e", start=EventTime("2026-10-24"), end=EventTime("2026-10-25"), recurrence=("RRULE:FREQ=DAILY",))

    assert told(stands(series, "2026-10-25T10:00")) == (Door.OPEN, "25 10:00")
    assert stands(whole, "2026-10-25T12:00").date == Date(
        Slot(at("2026-10-25T00:00"), at("2026-10-26T00:00"), "Europe/Zurich"), "(No title)"
    )


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("RRULE:FREQ=YEARLY", (Door.EARLY, "24 10:00")),
        ("RRULE:FREQ=YEARLY;INTERVAL=4", (Door.EARLY, "24 10:00")),
        ("RRULE:FREQ=YEARLY;INTERVAL=20", (Door.OVER, "24 10:00")),
    ],
)
def test_rare_dates(rule: str, expected: tuple[Door, str]) -> None:
    """The next date is found years ahead; one that is decades away is no reason to wait."""
    assert told(stands(event(rule), "2026-12-01T10:00")) == expected


def test_frequent_dates() -> None:
    """Where a date is near nobody looks years ahead, which for each minute of the day would be too much work."""
    every_minute = event("RRULE:FREQ=MINUTELY", minutes=1)

    assert told(stands(every_minute, "2026-11-24T12:00")) == (Door.OPEN, "24 12:00")


@pytest.mark.parametrize(
    "broken",
    [
        event("RRULE:nonsense"),
        event("RRULE:FREQ=SECONDLY"),
        event(start="2026-11-24T10:00", minutes=-60),
        Event("e"),
    ],
)
def test_times_that_cannot_be_read(broken: Event) -> None:
    """They are Poison, soon and without a word of the event."""
    with pytest.raises(Poison) as caught:
        stands(broken, "2026-11-24T10:00")

    assert "Planning" not in str(caught.value)


INSTANTS = st.integers(0, 2000).map(lambda minutes: at("2026-11-24T00:00") + minutes * MINUTE)
DATES = st.lists(
    st.builds(lambda start, long: Date(Slot(start, start + long * MINUTE, "UTC"), "x"), INSTANTS, st.integers(1, 300)),
    max_size=6,
)


@given(dates=DATES, now=INSTANTS)
def test_whoever_may_come_in_is_let_in(dates: list[Date], now: datetime) -> None:
    """If any date's door is open the chosen one's is; else the chosen one is the next; only then is it over."""
    found = chosen(dates, now)
    doors = {date.door(now) for date in dates}

    assert (found is None) == (not dates)
    if found is not None:
        assert found.door(now) is next(door for door in (Door.OPEN, Door.EARLY, Door.OVER) if door in doors)
    if found is not None and found.door(now) is Door.EARLY:
        assert found.opens == min(date.opens for date in dates if date.opens > now)


@given(now=INSTANTS, count=st.integers(1, 5), every=st.integers(1, 9), minutes=st.integers(1, 600))
def test_a_series_is_its_dates(now: datetime, count: int, every: int, minutes: int) -> None:
    """A series' door stands as the doors of its dates do, reckoned one by one."""
    series = event(f"RRULE:FREQ=HOURLY;INTERVAL={every};COUNT={count}", minutes=minutes)
    starts = [at("2026-11-24T10:00") + timedelta(hours=every) * each for each in range(count)]
    spans = [(start - BEFORE, start + minutes * MINUTE + AFTER) for start in starts]

    found = standing(series, (), ZURICH, now).door

    assert (found is Door.OPEN) == any(opens <= now < closes for opens, closes in spans)
    assert (found is Door.OVER) == all(closes <= now for _, closes in spans)
