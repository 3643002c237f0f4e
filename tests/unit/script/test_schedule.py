"""When clock triggers fire: golden cases, computed beforehand, and what holds for every schedule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.script.clock_builder import schedule_of
from functions.script.enums import WeekDay
from functions.script.schedule import Interval, Late, MonthDay, Schedule, Weeks, draw
from tests.unit.machine_zone import standing_in
from tests.unit.script.drawn import an_id

BERLIN, NEW_YORK, ADELAIDE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"


def instant(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text)


def calls(text: str) -> dict[str, Any]:
    """The calls of a case: "at_hour(5).every_days(1)"."""
    asked: dict[str, Any] = {}
    for call in text.split(")."):
        name, _, argument = call.rstrip(")").partition("(")
        asked[name] = _argument(name, argument)
    return asked


def _argument(name: str, text: str) -> Any:
    if name == "at":
        return instant(text)
    if name == "on_week_day":
        return WeekDay(text)
    numbers = [int(part) for part in text.replace("_", "").split(",")]
    return tuple(numbers) if name == "at_date" else numbers[0]


GOLDEN = Path(__file__).with_name("golden_fires.txt")


def golden() -> Iterator[Any]:
    """The cases: schedule, id, creation, fires."""
    for line in GOLDEN.read_text().splitlines()[1:]:
        name, builder, zone, created, fires = map(str.strip, line.split("|"))
        drawn = {part[0]: int(part[2:]) for part in name.split()[1:]}
        trigger = an_id(drawn.get("M", 0), drawn.get("J", 0))
        yield pytest.param(schedule_of(calls(builder), zone=zone), trigger, created, fires, id=name.split()[0])


@pytest.mark.parametrize(("schedule", "trigger", "created", "fires"), list(golden()))
def test_golden_fires(schedule: Schedule, trigger: str, created: str, fires: str) -> None:
    """Each golden case fires at its instants, one after the other, and a single one never again."""
    expected = [None if text == "never" else instant(text) for text in fires.split(", ")]

    found = [*islice(schedule.fires(trigger, instant(created)), len(expected)), None][: len(expected)]

    assert expected == found


@pytest.mark.parametrize(
    ("trigger", "minute", "jitter"),
    [("4034124084959907503", 8, 12), ("17267687", 7, -15), ("332753", 32, -4), ("1", 39, -7), ("trg_0001", 0, 11)],
)
def test_what_an_id_draws(trigger: str, minute: int, jitter: int) -> None:
    """The minute and the jitter of an id are those of its hash, for ever."""
    drawn = draw(trigger)

    assert (minute, jitter) == (drawn.minute, drawn.jitter)


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ({"every_days": 1, "at_hour": 5}, "2026-11-21T05:00Z"),
        ({"every_days": 1, "at_hour": 5, "near_minute": 30}, "2026-11-21T05:30Z"),
        ({"at_date": (2026, 12, 1)}, "2026-12-01T00:00Z"),
        ({"at_date": (2026, 12, 1), "near_minute": 7}, "2026-12-01T00:07Z"),
        ({"every_hours": 3, "near_minute": 10}, "2026-11-20T10:10Z"),
    ],
)
def test_exact_triggers_have_no_jitter(asked: dict[str, Any], first: str) -> None:
    """An exact trigger fires at the very minute, whatever its id would draw."""
    exact = schedule_of({**asked, "exact": True})

    assert instant(first) == exact.first("17267687", instant("2026-11-20T10:00Z"))


def test_weeks_without_a_weekday_take_that_of_the_creation() -> None:
    """Every two weeks, made on a Saturday in Tokyo that is a Friday in UTC, fires on Saturdays."""
    schedule = schedule_of({"every_weeks": 2, "exact": True}, zone="Asia/Tokyo")

    fires = list(islice(schedule.fires("1", instant("2026-11-20T16:00Z")), 2))

    assert [instant("2026-11-27T15:00Z"), instant("2026-12-11T15:00Z")] == fires


@pytest.mark.parametrize(
    ("asked", "created", "start", "now", "expected"),
    [
        # X1: two days without a tick.
        (
            {"at_hour": 5, "every_days": 1, "in_timezone": BERLIN},
            "2026-11-20T10:00Z",
            "2026-11-21T04:00Z",
            "2026-11-23T10:00Z",
            Late(instant("2026-11-23T04:00Z"), 2),
        ),
        # X2: half an hour without one.
        (
            {"every_minutes": 10},
            "2026-11-20T10:03:20Z",
            "2026-11-20T10:13Z",
            "2026-11-20T10:47Z",
            Late(instant("2026-11-20T10:43Z"), 3),
        ),
        # X3: a single fire.
        (
            {"after": 600_000},
            "2026-11-20T10:00:30Z",
            "2026-11-20T10:10:30Z",
            "2026-11-20T11:00Z",
            Late(instant("2026-11-20T10:10:30Z"), 0),
        ),
        ({"every_minutes": 10}, "2026-11-20T10:03:20Z", "2026-11-20T10:13Z", "2026-11-20T10:12:59Z", None),
    ],
)
def test_slots_that_passed_are_one(
    asked: dict[str, Any], created: str, start: str, now: str, expected: Late | None
) -> None:
    """Of the slots that passed, the latest counts, and how many there were before it."""
    late = schedule_of(asked).late(an_id(), instant(created), instant(start), instant(now))

    assert expected == late


def test_the_end_of_the_calendar() -> None:
    """Behind the last day that a calendar holds there is no slot, and no error either."""
    created = instant("9999-12-30T10:00Z")

    fires = [list(Schedule(when).fires("1", created)) for when in (Weeks(1), MonthDay(1), Interval(10**15))]

    assert not any(fires)


def test_far_steps_cost_no_more_than_near_ones() -> None:
    """The next slot is found near an instant, not by walking from the creation: seventy years take no time."""
    schedule = schedule_of({"every_minutes": 1})

    assert instant("2096-11-20T10:01Z") == schedule.next(
        "1", instant("2026-11-20T10:00Z"), instant("2096-11-20T10:00Z")
    )


# ---- What holds for every schedule ----

ZONES = [
    "UTC",
    BERLIN,
    NEW_YORK,
    ADELAIDE,
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Africa/Cairo",
    "America/Santiago",
    "Pacific/Apia",
    "Pacific/Chatham",
    "America/St_Johns",
    "Africa/Casablanca",
    "Antarctica/Troll",
]
INSTANTS = st.datetimes(datetime(1995, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - its zone stands beside it
IDS = st.integers(0, 10**19 - 1).map(str)
TIME = st.fixed_dictionaries(
    {}, optional={"at_hour": st.integers(0, 23), "near_minute": st.integers(0, 59), "exact": st.just(True)}
)
INTERVALS = st.one_of(
    st.fixed_dictionaries({"every_minutes": st.integers(1, 3000)}),
    st.fixed_dictionaries({"every_hours": st.integers(1, 100)}, optional={"near_minute": st.integers(0, 59)}),
)
CALENDAR = st.one_of(
    st.fixed_dictionaries({"every_days": st.integers(1, 40)}),
    st.fixed_dictionaries({"every_weeks": st.integers(1, 6)}, optional={"on_week_day": st.sampled_from(WeekDay)}),
    st.fixed_dictionaries({"on_week_day": st.sampled_from(WeekDay)}),
    st.fixed_dictionaries({"on_month_day": st.integers(1, 31) | st.just(-1)}),
)


@st.composite
def calendar_schedules(draw_one: st.DrawFn) -> Schedule:
    """Any schedule of dates."""
    return schedule_of({**draw_one(CALENDAR), **draw_one(TIME)}, zone=draw_one(st.sampled_from(ZONES)))


@st.composite
def schedules(draw_one: st.DrawFn) -> Schedule:
    """Any schedule that repeats itself."""
    of_dates = calendar_schedules()
    of_time = st.builds(lambda asked, zone: schedule_of(asked, zone=zone), INTERVALS, st.sampled_from(ZONES))
    return draw_one(of_dates | of_time)


@settings(max_examples=40)
@given(schedules(), IDS, INSTANTS)
def test_fires_strictly_increase(schedule: Schedule, trigger: str, created: datetime) -> None:
    """Every fire is later than the one before, and the first one later than the creation."""
    fires = list(islice(schedule.fires(trigger, created), 8))

    assert all(before < after for before, after in pairwise([created, *fires]))
    assert len(fires) == 8


@settings(max_examples=40)
@given(schedules(), IDS, INSTANTS, st.integers(0, 6), st.floats(0, 1))
def test_fires_from_a_later_instant_are_the_tail(
    schedule: Schedule, trigger: str, created: datetime, skipped: int, share: float
) -> None:
    """Whoever asks later, between two fires or at one, gets what is left of the fires from the creation on."""
    fires = list(islice(schedule.fires(trigger, created), 10))
    later = fires[skipped] + (fires[skipped + 1] - fires[skipped]) * min(share, 0.999)

    assert fires[skipped + 1] == schedule.next(trigger, created, later)


@settings(max_examples=40)
@given(schedules(), IDS, INSTANTS, st.integers(0, 6), st.floats(0, 1))
def test_what_passed_is_counted(schedule: Schedule, trigger: str, created: datetime, passed: int, share: float) -> None:
    """After an outage the latest slot is the last one before now, and every earlier one is counted."""
    fires = list(islice(schedule.fires(trigger, created), 8))
    now = fires[passed] + (fires[passed + 1] - fires[passed]) * min(share, 0.999)

    assert Late(fires[passed], passed) == schedule.late(trigger, created, fires[0], now)


@settings(max_examples=40)
@given(calendar_schedules(), IDS, INSTANTS)
def test_a_calendar_keeps_the_wall_clock(schedule: Schedule, trigger: str, created: datetime) -> None:
    """Without its jitter, a fire stands at the asked hour and minute of its zone, unless that time does not exist."""
    drawn, zone = draw(trigger), ZoneInfo(schedule.zone)
    minute = (0 if schedule.exact else drawn.minute) if schedule.minute is None else schedule.minute
    jitter = drawn.jitter if schedule.minute is not None and not schedule.exact else 0

    for fire in islice(schedule.fires(trigger, created), 8):
        local = (fire - timedelta(minutes=jitter)).astimezone(zone)
        asked = local.replace(hour=schedule.hour or 0, minute=minute, fold=0)
        assert (local.hour, local.minute) == (asked.hour, asked.minute) or _in_gap(local, asked)


def _in_gap(local: datetime, asked: datetime) -> bool:
    """Whether the asked time, on this date or the one before, does not exist."""
    wanted = [asked, asked - timedelta(days=1)]
    return any(not _exists(one.replace(tzinfo=None), local.tzinfo) for one in wanted)


def _exists(wall: datetime, zone: Any) -> bool:
    there = wall.replace(tzinfo=zone, fold=0)
    return there.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wall


@settings(max_examples=40)
@given(schedules(), IDS, INSTANTS, st.sampled_from(["Pacific/Kiritimati", "America/St_Johns", "UTC"]))
def test_the_machine_decides_nothing(schedule: Schedule, trigger: str, created: datetime, machine: str) -> None:
    """The fires do not depend on the machine's zone, nor on the zone that the creation is written in."""
    here = list(islice(schedule.fires(trigger, created), 4))
    with standing_in(machine):
        there = list(islice(schedule.fires(trigger, created.astimezone(ZoneInfo(machine))), 4))

    assert here == there


@settings(max_examples=40)
@given(
    calendar_schedules(),
    IDS,
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the same
)
def test_dates_found_by_another_way(schedule: Schedule, trigger: str, created: datetime) -> None:
    """The first fire is the earliest of all slots of all dates around, each reckoned by itself."""
    drawn, zone = draw(trigger), ZoneInfo(schedule.zone)
    minute = (0 if schedule.exact else drawn.minute) if schedule.minute is None else schedule.minute
    jitter = timedelta(minutes=drawn.jitter if schedule.minute is not None and not schedule.exact else 0)
    start = created.astimezone(zone).date()
    days = (start + timedelta(days=number) for number in range(-3, 70))
    slots = [
        datetime(day.year, day.month, day.day, schedule.hour or 0, minute, tzinfo=zone).astimezone(UTC) + jitter
        for day in days
        if _has_date(schedule, day, start)
    ]

    assert min(slot for slot in slots if slot > created) == schedule.first(trigger, created)


def _has_date(schedule: Schedule, day: date, created: date) -> bool:
    match schedule.when:
        case Weeks(_, weekday):
            return day.weekday() == (created.weekday() if weekday is None else weekday)
        case MonthDay(-1):
            return (day + timedelta(days=1)).day == 1
        case MonthDay(number):
            return day.day == number
    return True
