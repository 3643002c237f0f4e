"""What the clock builder understands, and what it refuses before anything is changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.script.clock_builder import ClockTriggerBuilder, schedule_of
from functions.script.clock_event import ClockEvent
from functions.script.clockwork import begin
from functions.script.enums import AuthMode, WeekDay
from functions.script.errors import InvalidTrigger
from functions.script.limits import Limits
from functions.script.schedule import After, At, Days, Interval, MonthDay, OnDate, Overlap, Schedule, Weeks
from functions.script.trigger import Trigger

Chain = Callable[[ClockTriggerBuilder], ClockTriggerBuilder]


class Asked(Exception):
    """The keeper was asked to make or to ensure something."""


class Keeper:
    """Makes nothing; tells what it was asked."""

    def create(self, schedule: Schedule, /) -> Trigger:
        """Tell."""
        raise Asked("create", schedule)

    def ensure(self, schedule: Schedule, /) -> Trigger:
        """Tell."""
        raise Asked("ensure", schedule)


def builder(zone: str = "UTC", limits: Limits | None = None) -> ClockTriggerBuilder:
    """A builder whose keeper only tells."""
    return ClockTriggerBuilder(Keeper(), zone=zone, limits=limits)


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        (lambda it: it.every_hours(6), Schedule(Interval(360))),
        (lambda it: it.every_hours(12), Schedule(Interval(720))),
        (lambda it: it.every_minutes(10), Schedule(Interval(10))),
        (lambda it: it.every_minutes(7), Schedule(Interval(7))),
        (lambda it: it.every_days(3), Schedule(Days(3))),
        (lambda it: it.at_hour(5).every_days(1), Schedule(Days(1), hour=5)),
        (lambda it: it.at_hour(5).near_minute(30).every_days(1), Schedule(Days(1), hour=5, minute=30)),
        (
            lambda it: it.at_hour(12).every_days(1).in_timezone("America/Los_Angeles"),
            Schedule(Days(1), hour=12, zone="America/Los_Angeles"),
        ),
        (lambda it: it.on_week_day(WeekDay.MONDAY).at_hour(9), Schedule(Weeks(1, 0), hour=9)),
        (lambda it: it.every_weeks(2).on_week_day(WeekDay.FRIDAY), Schedule(Weeks(2, 4))),
        (lambda it: it.every_weeks(2).on_week_day(WeekDay.SUNDAY), Schedule(Weeks(2, 6))),
        (lambda it: it.every_weeks(1), Schedule(Weeks(1))),
        (lambda it: it.on_month_day(1), Schedule(MonthDay(1))),
        (lambda it: it.on_month_day(-1), Schedule(MonthDay(-1))),
        (lambda it: it.after(600_000), Schedule(After(600.0))),
        (lambda it: it.after(timedelta(minutes=10)), Schedule(After(600.0))),
        (lambda it: it.after(0), Schedule(After(0.0))),
        (lambda it: it.at(datetime(1970, 1, 1, 0, 1, tzinfo=UTC)), Schedule(At(60.0))),
        (lambda it: it.at_date(2013, 1, 1), Schedule(OnDate(2013, 1, 1))),
        (lambda it: it.at_date(2028, 2, 29).at_hour(9).near_minute(5), Schedule(OnDate(2028, 2, 29), 9, 5)),
        (lambda it: it.every_hours(2).near_minute(10).exact(), Schedule(Interval(120), minute=10, exact=True)),
        (
            lambda it: it.every_minutes(1).overlap("buffer_one").catch_up(False),
            Schedule(Interval(1), overlap=Overlap.BUFFER_ONE, catch_up=False),
        ),
    ],
)
def test_what_is_understood(chain: Chain, expected: Schedule) -> None:
    """Each documented example, and each call of ours, becomes the schedule that it says."""
    assert expected == chain(builder()).schedule()


@pytest.mark.parametrize(
    ("chain", "why"),
    [
        (lambda it: it, "no schedule"),
        (lambda it: it.exact().catch_up(False), "no schedule"),
        (lambda it: it.at_hour(5), "frequency is required"),
        (lambda it: it.near_minute(30), "frequency is required"),
        (lambda it: it.in_timezone("Mars/Olympus").every_days(1), "time zone"),
        (lambda it: it.in_timezone("../../etc/passwd").every_days(1), "time zone"),
        (lambda it: it.in_timezone("").every_days(1), "time zone"),
        (lambda it: it.in_timezone("Europe").every_days(1), "time zone"),
        (lambda it: it.in_timezone("Europe/Berlin\0").every_days(1), "time zone"),
        (lambda it: it.in_timezone(None).every_days(1), "time zone"),
        (lambda it: it.every_days(1).every_days(1), "twice"),
        (lambda it: it.every_days(1).at_hour(1).at_hour(2), "twice"),
        (lambda it: it.every_minutes(5).every_hours(1), "exclude"),
        (lambda it: it.after(5).at(datetime(2030, 1, 1, tzinfo=UTC)), "exclude"),
        (lambda it: it.at_date(2030, 1, 1).every_weeks(1), "exclude"),
        (lambda it: it.on_week_day(WeekDay.MONDAY).on_month_day(1), "exclude"),
        (lambda it: it.every_days(2).on_week_day(WeekDay.MONDAY), "no meaning"),
        (lambda it: it.every_days(2).on_month_day(1), "no meaning"),
        (lambda it: it.every_weeks(2).on_month_day(1), "no meaning"),
        (lambda it: it.every_minutes(5).on_week_day(WeekDay.MONDAY), "no meaning"),
        (lambda it: it.every_minutes(5).on_month_day(1), "no meaning"),
        (lambda it: it.every_hours(5).on_week_day(WeekDay.MONDAY), "no meaning"),
        (lambda it: it.every_hours(5).on_month_day(1), "no meaning"),
        (lambda it: it.every_minutes(5).at_hour(3), "no meaning"),
        (lambda it: it.every_hours(5).at_hour(3), "no meaning"),
        (lambda it: it.every_minutes(5).near_minute(3), "no meaning"),
        (lambda it: it.after(5).at_hour(3), "no meaning"),
        (lambda it: it.after(5).near_minute(3), "no meaning"),
        (lambda it: it.after(5).on_week_day(WeekDay.MONDAY), "no meaning"),
        (lambda it: it.at(datetime(2030, 1, 1, tzinfo=UTC)).at_hour(3), "no meaning"),
        (lambda it: it.at(datetime(2030, 1, 1, tzinfo=UTC)).on_month_day(3), "no meaning"),
        (lambda it: it.at_date(2030, 1, 1).on_week_day(WeekDay.MONDAY), "no meaning"),
        (lambda it: it.at_date(2030, 1, 1).on_month_day(1), "no meaning"),
        (lambda it: it.every_minutes(0), "at least 1"),
        (lambda it: it.every_hours(-1), "at least 1"),
        (lambda it: it.every_days(True), "at least 1"),
        (lambda it: it.every_weeks(1.0), "at least 1"),
        (lambda it: it.every_minutes("5"), "at least 1"),
        (lambda it: it.every_minutes(None), "at least 1"),
        (lambda it: it.every_minutes([1]), "at least 1"),
        (lambda it: it.every_hours(10**400), "any calendar"),
        (lambda it: it.every_days(1).at_hour(24), "0 to 23"),
        (lambda it: it.every_days(1).at_hour(-1), "0 to 23"),
        (lambda it: it.every_days(1).at_hour(5.0), "0 to 23"),
        (lambda it: it.every_days(1).near_minute(60), "0 to 59"),
        (lambda it: it.every_days(1).near_minute(False), "0 to 59"),
        (lambda it: it.on_month_day(0), "1 to 31"),
        (lambda it: it.on_month_day(32), "1 to 31"),
        (lambda it: it.on_month_day(-2), "1 to 31"),
        (lambda it: it.on_month_day(-1.0), "1 to 31"),
        (lambda it: it.on_week_day("SOMEDAY"), "WeekDay"),
        (lambda it: it.on_week_day(1), "WeekDay"),
        (lambda it: it.on_week_day(None), "WeekDay"),
        (lambda it: it.at_date(2026, 2, 29), "does not exist"),
        (lambda it: it.at_date(2026, 13, 1), "does not exist"),
        (lambda it: it.at_date(10**30, 1, 1), "does not exist"),
        (lambda it: it.at_date(2026, True, 1), "whole numbers"),
        (lambda it: it.at_date(2026, 1.0, 1), "whole numbers"),
        (lambda it: it.after(-1), "negative"),
        (lambda it: it.after(timedelta(seconds=-1)), "negative"),
        (lambda it: it.after(1.5), "milliseconds"),
        (lambda it: it.after(True), "milliseconds"),
        (lambda it: it.at(datetime(2030, 1, 1)), "time zone"),  # noqa: DTZ001 - that is what is refused
        (lambda it: it.at(date(2030, 1, 1)), "time zone"),
        (lambda it: it.at("2030-01-01T00:00Z"), "time zone"),
        (lambda it: it.every_days(1).overlap("queue"), "overlap takes"),
        (lambda it: it.every_days(1).catch_up(1), "True or False"),
    ],
)
@pytest.mark.parametrize("end", ["create", "ensure"])
def test_what_is_refused(chain: Chain, why: str, end: str) -> None:
    """What makes no sense is refused by `create` and `ensure`, before the keeper hears of it."""
    built = chain(builder())

    with pytest.raises(InvalidTrigger, match=why):
        getattr(built, end)()


@pytest.mark.parametrize("end", ["create", "ensure"])
def test_what_is_accepted_goes_to_the_keeper(end: str) -> None:
    """The keeper gets the schedule, with the project's zone where none is named."""
    with pytest.raises(Asked) as asked:
        getattr(builder("Europe/Berlin").every_days(1).at_hour(5), end)()

    assert (end, Schedule(Days(1), hour=5, zone="Europe/Berlin")) == asked.value.args


@pytest.mark.parametrize("n", [1, 5, 10, 15, 30])
def test_the_documented_minutes_under_the_profile(n: int) -> None:
    """Under the parity profile, every_minutes takes Apps Script's five numbers."""
    assert Schedule(Interval(n)) == builder(limits=Limits.apps_script()).every_minutes(n).schedule()


@pytest.mark.parametrize("n", [2, 7, 60])
def test_other_minutes_under_the_profile(n: int) -> None:
    """Under the parity profile, any other number is refused in Apps Script's words."""
    with pytest.raises(InvalidTrigger) as refused:
        builder(limits=Limits.apps_script()).every_minutes(n).create()

    assert str(refused.value).startswith(
        "The value you passed to everyMinutes was invalid. It must be one of 1, 5, 10, 15 or 30."
    )


@pytest.mark.parametrize("asked", [{"after": 10**30}, {"every_days": 10**15}, {"every_minutes": 10**15}])
def test_what_would_never_fire(asked: dict[str, int]) -> None:
    """A schedule without a fire before the end of the calendar makes no trigger; one that has some makes one."""
    schedule = schedule_of(asked)

    if "every_days" in asked:
        assert begin(schedule, "1", 0.0).next_slot is not None
        return
    with pytest.raises(InvalidTrigger, match="never fire"):
        begin(schedule, "1", 0.0)


def test_a_schedule_by_keywords() -> None:
    """A declared trigger's keywords are the builder's calls."""
    asked = {"on_week_day": "MONDAY", "at_hour": 9, "exact": False, "in_timezone": "Asia/Tokyo"}

    assert Schedule(Weeks(1, 0), hour=9, zone="Asia/Tokyo") == schedule_of(asked)


@pytest.mark.parametrize("name", ["every_year", "create", "schedule", "_call"])
def test_other_keywords(name: str) -> None:
    """What is no call of the builder is refused."""
    with pytest.raises(InvalidTrigger, match="has no"):
        schedule_of({name: 1})


CALLS = {
    "after": st.integers(-5, 10**12) | st.timedeltas(),
    "at": st.datetimes(timezones=st.just(UTC)) | st.datetimes(),
    "at_date": st.tuples(st.integers(-1, 10000), st.integers(0, 13), st.integers(0, 32)),
    "every_minutes": st.integers(-1, 10**6),
    "every_hours": st.integers(-1, 10**6),
    "every_days": st.integers(-1, 10**6),
    "every_weeks": st.integers(-1, 10**6),
    "at_hour": st.integers(-1, 24),
    "near_minute": st.integers(-1, 60),
    "on_week_day": st.sampled_from(WeekDay),
    "on_month_day": st.integers(-2, 32),
    "in_timezone": st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Apia", "Nowhere"]),
    "exact": st.booleans(),
}


@settings(max_examples=300)
@given(st.fixed_dictionaries({}, optional=CALLS), st.floats(0, 4e9))
def test_refused_or_fires(asked: dict[str, Any], created: float) -> None:
    """Whatever is asked is either refused as InvalidTrigger, or has a first fire not before its creation."""
    try:
        memory = begin(schedule_of(asked), "4034124084959907503", created)
    except InvalidTrigger:
        return
    assert memory.next_slot is not None
    assert memory.next_slot >= created - 1e-6


# ---- The event object ----

GOLDEN = [
    ("2023-07-04T02:07:36Z", (2023, 7, 4, 2, 27, 2, 7, 36)),
    ("2026-11-22T15:45:00Z", (2026, 11, 22, 7, 47, 15, 45, 0)),
    ("2026-12-31T23:59:59Z", (2026, 12, 31, 4, 53, 23, 59, 59)),
    ("2027-01-01T00:00:00Z", (2027, 1, 1, 5, 53, 0, 0, 0)),
    ("2028-02-29T14:00:00Z", (2028, 2, 29, 2, 9, 14, 0, 0)),
]
NAMES = ("year", "month", "day-of-month", "day-of-week", "week-of-year", "hour", "minute", "second")


@pytest.mark.parametrize(("at", "expected"), GOLDEN)
def test_the_event_objects_numbers(at: str, expected: tuple[int, ...]) -> None:
    """The numbers are those of the start of the run in UTC, by the documented names and as attributes."""
    start = datetime.fromisoformat(at)
    event = ClockEvent.at(start.astimezone(), "17", start)

    assert expected == tuple(event[name] for name in NAMES)
    assert expected == tuple(getattr(event, name.replace("-", "_")) for name in NAMES)


def test_the_event_objects_other_fields() -> None:
    """Beside the numbers stand the mode, the trigger's id, UTC as the zone; ours are attributes only."""
    slot = datetime(2026, 11, 22, 16, 45, tzinfo=UTC)
    event = ClockEvent.at(slot, "17", slot, 2)

    assert (event["authMode"], event["triggerUid"], event["timezone"]) == (AuthMode.FULL, "17", "UTC")
    assert (slot, 2) == (event.scheduled_time, event.missed)
    assert {"authMode", "triggerUid", "timezone", *NAMES} == set(event)
    assert "missed" not in event
