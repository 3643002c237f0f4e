"""Occurrences of any series against arithmetic of our own: weeks, months, ends and exclusions counted by hand."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from conference.recurrence import occurrences_among
from conference.series import occurs_at
from tests.unit.recurrence.walls import LORD_HOWE, MORNING, NEW_YORK, ZURICH, at, days_of, slot

ZONES = ("UTC", ZURICH, NEW_YORK, LORD_HOWE, "America/Sao_Paulo", "Asia/Kathmandu")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
DAYS = st.dates(date(2015, 1, 1), date(2035, 1, 1))
# Hours that no zone of ours skips or repeats; the table of shifts has the others.
HOURS = st.integers(4, 22)


def clock(on: date, hour: int, zone: str) -> datetime:
    """The instant at which a full hour of the day begins."""
    return datetime(on.year, on.month, on.day, hour, tzinfo=ZoneInfo(zone)).astimezone(UTC)


@given(first=DAYS, hour=HOURS, zone=st.sampled_from(ZONES), interval=st.integers(1, 40), off=st.integers(-1, 1))
@example(first=date(2026, 3, 28), hour=9, zone=ZURICH, interval=1, off=0)
@example(first=date(2026, 10, 31), hour=9, zone=NEW_YORK, interval=1, off=0)
def test_wall_time_is_kept_whatever_clocks_do(first: date, hour: int, zone: str, interval: int, off: int) -> None:
    """Every so many days, at the same hour by the zone's clock, over all its shifts: on these days and no others."""
    begins = slot(f"{first}T{hour:02}:00", zone)
    days = [first + timedelta(days=number * interval + off) for number in range(1, 300, 7)]
    asked = frozenset(clock(on, hour, zone) for on in days)

    expected = asked if off % interval == 0 else frozenset()
    assert expected == occurrences_among([f"RRULE:FREQ=DAILY;INTERVAL={interval}"], begins, asked)


@given(
    first=DAYS, weekdays=st.sets(st.integers(0, 6), min_size=1), zone=st.sampled_from(ZONES), weeks=st.integers(1, 4)
)
def test_weeks_are_counted_from_monday(first: date, weekdays: set[int], zone: str, weeks: int) -> None:
    """A weekly rule yields its weekdays in every so many weeks from the week of the start on."""
    lines = [f"RRULE:FREQ=WEEKLY;INTERVAL={weeks};BYDAY=" + ",".join(WEEKDAYS[number] for number in weekdays)]
    monday = first - timedelta(days=first.weekday())
    days = [first + timedelta(days=number) for number in range(100)]
    meant = {on for on in days if on.weekday() in weekdays and (on - monday).days // 7 % weeks == 0}

    found = days_of(lines, slot(f"{first}T09:00", zone), days=100)
    assert sorted({str(on) for on in meant | {first}}) == found


@given(first=DAYS, nth=st.integers(1, 5), weekday=st.integers(0, 6), from_end=st.booleans())
def test_the_nth_weekday_of_a_month(first: date, nth: int, weekday: int, from_end: bool) -> None:
    """A monthly rule finds the nth weekday from either end, and nothing in months that lack it."""
    days = [first + timedelta(days=number) for number in range(370)]
    lengths = {on: monthrange(on.year, on.month)[1] for on in days}
    places = {on: (lengths[on] - on.day if from_end else on.day - 1) // 7 + 1 for on in days}
    meant = {str(on) for on in days if on.weekday() == weekday and places[on] == nth}

    lines = [f"RRULE:FREQ=MONTHLY;BYDAY={'-' if from_end else ''}{nth}{WEEKDAYS[weekday]}"]
    assert sorted(meant | {str(first)}) == days_of(lines, slot(f"{first}T09:00"), days=370)


RULES = st.sampled_from(
    [
        "FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=WEEKLY;BYDAY=MO,TH",
        "FREQ=WEEKLY;INTERVAL=2",
        "FREQ=MONTHLY;BYMONTHDAY=2,-1",
        "FREQ=MONTHLY;BYDAY=1MO,-1FR",
        "FREQ=YEARLY;BYMONTH=3,4,5;BYDAY=MO",
    ]
)


@given(rule=RULES, count=st.integers(1, 5))
def test_count_and_until_end_a_rule_alike(rule: str, count: int) -> None:
    """COUNT ends a rule after so many, the first included; UNTIL at the last of them ends it there too."""
    every = days_of([f"RRULE:{rule}"], MORNING, days=120)
    expected = every[:count]
    last = expected[-1].replace("-", "")

    assert expected == days_of([f"RRULE:{rule};COUNT={count}"], MORNING, days=120)
    assert expected == days_of([f"RRULE:{rule};UNTIL={last}"], MORNING, days=120)
    assert expected == days_of([f"RRULE:{rule};UNTIL={last}T090000"], MORNING, days=120)
    # A second earlier the last is lost, unless it is the start, which counts in any case.
    assert (expected[:-1] or every[:1]) == days_of([f"RRULE:{rule};UNTIL={last}T085959"], MORNING, days=120)


@given(rule=RULES, data=st.data())
def test_what_is_excluded_is_gone_and_nothing_else(rule: str, data: st.DataObject) -> None:
    """EXDATE takes away exactly the occurrences it names, however it writes them."""
    every = days_of([f"RRULE:{rule}"], MORNING, days=120)
    gone = data.draw(st.sets(st.sampled_from(every), min_size=1, max_size=3))
    days = [on.replace("-", "") for on in sorted(gone)]
    written = data.draw(
        st.sampled_from(
            [
                "EXDATE;VALUE=DATE:" + ",".join(days),
                "EXDATE;TZID=Europe/Berlin:" + ",".join(f"{on}T090000" for on in days),
            ]
        )
    )

    assert [on for on in every if on not in gone] == days_of([written, f"RRULE:{rule}"], MORNING, days=120)


@given(rules=st.lists(RULES, max_size=3), numbers=st.lists(st.integers(-5, 300), max_size=12), order=st.randoms())
def test_asking_together_or_apart_is_the_same(rules: list[str], numbers: list[int], order: Random) -> None:
    """What is asked along with an instant, and in which order, changes nothing about it; nor does the lines' order."""
    lines = [f"RRULE:{rule}" for rule in rules]
    asked = [at("2026-03-02T09:00") + timedelta(days=number) for number in numbers]
    apart = {instant for instant in asked if occurs_at(lines, MORNING, instant)}
    order.shuffle(asked)
    order.shuffle(lines)

    assert apart == occurrences_among(lines, MORNING, asked)
