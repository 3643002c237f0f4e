"""Whether a rule that began at some wall time yields another: answered from the calendar, not by counting up to it.

Authority: RFC 5545, section 3.3.10, https://www.rfc-editor.org/rfc/rfc5545#section-3.3.10
Only COUNT asks for walking through the periods, and then only through so many; so no rule, however written, runs long.
"""

from __future__ import annotations

import calendar
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property
from itertools import islice, product

from conference.rule import Frequency, Rule, Weekday
from conference.slot import LAST_YEAR

# A daily rule is walked through for a century; a COUNT that lies further away ends nothing.
MAX_PERIODS = 36_525
DAY = timedelta(days=1)
_END = datetime(LAST_YEAR + 1, 1, 1)  # noqa: DTZ001 - patterns live in wall time
_SPAN = {
    Frequency.WEEKLY: timedelta(days=7),
    Frequency.DAILY: DAY,
    Frequency.HOURLY: timedelta(hours=1),
    Frequency.MINUTELY: timedelta(minutes=1),
    Frequency.SECONDLY: timedelta(seconds=1),
}


@dataclass(frozen=True)
class Pattern:
    """A rule and the wall time (naive) from which it counts; what the rule leaves open, `start` says."""

    rule: Rule
    start: datetime

    def yields(self, wall: datetime) -> bool:
        """True if `wall` (naive) is one of its times; UNTIL is the caller's, who knows the zone."""
        if wall < self.start or (self.last is not None and wall > self.last):
            return False
        return self._in_step(wall) and self._fits(wall) and self._in_position(wall)

    @cached_property
    def last(self) -> datetime | None:
        """The time with which COUNT is reached; None if nothing is counted, or if that lies too far away."""
        if self.rule.count is None:
            return None
        return next(islice(self._times(), self.rule.count - 1, None), None)

    @cached_property
    def _full(self) -> Rule:
        return _from_start(self.rule, self.start)

    def _times(self) -> Iterator[datetime]:
        for period in islice(self._periods(), MAX_PERIODS):
            yield from (wall for wall in self._of_period(period) if wall >= self.start)

    def _periods(self) -> Iterator[datetime]:
        first: datetime | None = _period_start(self._full, self.start)
        while first:
            yield first
            first = _later(first, self.rule.frequency, self.rule.interval)

    def _of_period(self, first: datetime) -> Iterator[datetime]:
        """Every time of the period that begins with `first`, in order."""
        days, clocks = self._days(first), self._clocks(first)
        if not self.rule.positions:
            yield from (datetime.combine(day, time(*clock)) for day in days for clock in clocks.all())
            return
        total = len(days) * len(clocks)
        for place in sorted({p - 1 if p > 0 else total + p for p in self.rule.positions}):
            if 0 <= place < total:
                yield datetime.combine(days[place // len(clocks)], time(*clocks.at(place % len(clocks))))

    def _days(self, within: datetime) -> list[date]:
        return [day for day in _days_of_period(self._full, within) if _day_fits(self._full, day)]

    def _clocks(self, within: datetime) -> _Clocks:
        """The times of a day; or of the hour, minute or second `within`, if that is the period."""
        clocks, shown, level = self._every_clock, (within.hour, within.minute, within.second), self.rule.frequency
        if level < Frequency.HOURLY:
            return clocks
        fixed = level - Frequency.HOURLY + 1
        units = zip(clocks.units, shown, range(3), strict=True)
        return _Clocks(tuple((mine,) * (mine in unit) if i < fixed else unit for unit, mine, i in units))

    @cached_property
    def _every_clock(self) -> _Clocks:
        rule = self._full
        chosen = ((rule.hours, 24), (rule.minutes, 60), (rule.seconds, 60))
        return _Clocks(tuple(tuple(sorted(some or range(length))) for some, length in chosen))

    def _in_step(self, wall: datetime) -> bool:
        """True if `wall` lies in a period that INTERVAL does not skip."""
        here, first = _period_start(self.rule, wall), _period_start(self.rule, self.start)
        match self.rule.frequency:
            case Frequency.YEARLY:
                passed = here.year - first.year
            case Frequency.MONTHLY:
                passed = (here.year - first.year) * 12 + here.month - first.month
            case shorter:
                passed = (here - first) // _SPAN[shorter]
        return passed % self.rule.interval == 0

    def _fits(self, wall: datetime) -> bool:
        clock = (wall.hour, wall.minute, wall.second)
        on_time = all(mine in unit for mine, unit in zip(clock, self._every_clock.units, strict=True))
        return on_time and not wall.microsecond and _day_fits(self._full, wall.date())

    def _in_position(self, wall: datetime) -> bool:
        if not self.rule.positions:
            return True
        days, clocks = self._days(wall), self._clocks(wall)
        place = bisect_left(days, wall.date()) * len(clocks) + clocks.place(wall)
        return not self.rule.positions.isdisjoint({place + 1, place - len(days) * len(clocks)})


@dataclass(frozen=True)
class _Clocks:
    """Times of a day as every combination of hours, minutes and seconds, each sorted; never written out in full."""

    units: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        hours, minutes, seconds = self.units
        return len(hours) * len(minutes) * len(seconds)

    def all(self) -> Iterator[tuple[int, int, int]]:
        hours, minutes, seconds = self.units
        return product(hours, minutes, seconds)

    def at(self, place: int) -> tuple[int, int, int]:
        hours, minutes, seconds = self.units
        hour, rest = divmod(place, len(minutes) * len(seconds))
        return hours[hour], minutes[rest // len(seconds)], seconds[rest % len(seconds)]

    def place(self, wall: datetime) -> int:
        hours, minutes, seconds = self.units
        within_hour = bisect_left(minutes, wall.minute) * len(seconds) + bisect_left(seconds, wall.second)
        return bisect_left(hours, wall.hour) * len(minutes) * len(seconds) + within_hour


def _from_start(rule: Rule, start: datetime) -> Rule:
    """The rule with its gaps filled: "monthly" alone means on the day of the month, and at the time, of the start."""
    says_days = rule.week_numbers or rule.year_days or rule.month_days or rule.weekdays
    return replace(
        rule if says_days else _with_day(rule, start),
        hours=rule.hours or _default(rule.frequency < Frequency.HOURLY, start.hour),
        minutes=rule.minutes or _default(rule.frequency < Frequency.MINUTELY, start.minute),
        seconds=rule.seconds or _default(rule.frequency < Frequency.SECONDLY, start.second),
    )


def _with_day(rule: Rule, start: datetime) -> Rule:
    match rule.frequency:
        case Frequency.YEARLY:
            return replace(rule, months=rule.months or frozenset({start.month}), month_days=frozenset({start.day}))
        case Frequency.MONTHLY:
            return replace(rule, month_days=frozenset({start.day}))
        case Frequency.WEEKLY:
            return replace(rule, weekdays=frozenset({Weekday(start.weekday())}))
        case _:
            return rule


def _default(applies: bool, value: int) -> frozenset[int]:
    return frozenset({value}) if applies else frozenset()


def _period_start(rule: Rule, wall: datetime) -> datetime:
    day = wall.replace(hour=0, minute=0, second=0, microsecond=0)
    match rule.frequency:
        case Frequency.YEARLY:
            return day.replace(month=1, day=1)
        case Frequency.MONTHLY:
            return day.replace(day=1)
        case Frequency.WEEKLY:
            return day - DAY * ((day.weekday() - rule.week_start) % 7)
        case shorter:
            return wall - (wall - day) % _SPAN[shorter]


def _later(first: datetime, frequency: Frequency, interval: int) -> datetime | None:
    """The first moment of the period `interval` periods on; None past the last year anybody asks about."""
    if frequency > Frequency.MONTHLY:
        ahead = _SPAN[frequency] * interval
        return first + ahead if ahead < _END - first else None
    months = first.year * 12 + first.month - 1 + interval * (12 if frequency is Frequency.YEARLY else 1)
    year, month = divmod(months, 12)
    return first.replace(year=year, month=month + 1) if year <= LAST_YEAR else None


def _days_of_period(rule: Rule, within: datetime) -> Iterator[date]:
    first = _period_start(rule, within).date()
    match rule.frequency:
        case Frequency.YEARLY:
            length = _year_length(first)
        case Frequency.MONTHLY:
            length = _month_length(first)
        case Frequency.WEEKLY:
            length = 7
        case _:
            length = 1
    return (first + DAY * number for number in range(length))


def _day_fits(rule: Rule, day: date) -> bool:
    """True if no BY part that speaks of days excludes it."""
    return (
        (not rule.months or day.month in rule.months)
        and _counted(rule.month_days, day.day, _month_length(day))
        and _counted(rule.year_days, day.timetuple().tm_yday, _year_length(day))
        and _week_fits(rule, day)
        and _weekday_fits(rule, day)
    )


def _counted(wanted: frozenset[int], number: int, length: int) -> bool:
    """True if the number is wanted, counted from either end."""
    return not wanted or number in wanted or number - length - 1 in wanted


def _weekday_fits(rule: Rule, day: date) -> bool:
    """True if the weekday is wanted, in every week or in this one as the month or year counts them."""
    if not rule.weekdays:
        return True
    if rule.frequency > Frequency.MONTHLY:
        return day.weekday() in {wanted.day for wanted in rule.weekdays}  # numbers mean nothing within a week
    if rule.frequency is Frequency.MONTHLY or rule.months:
        number, length = day.day, _month_length(day)
    else:
        number, length = day.timetuple().tm_yday, _year_length(day)
    ways = (0, (number - 1) // 7 + 1, -((length - number) // 7 + 1))
    return any(Weekday(day.weekday(), nth) in rule.weekdays for nth in ways)


def _week_fits(rule: Rule, day: date) -> bool:
    if not rule.week_numbers:
        return True
    year, number = _week(day, rule.week_start)
    weeks = (_first_week(year + 1, rule.week_start) - _first_week(year, rule.week_start)) // 7
    return _counted(rule.week_numbers, number, weeks)


def _week(day: date, week_start: int) -> tuple[int, int]:
    """The year and number of the day's week; the first week of a year is the one with at least four of its days."""
    at = day.toordinal()
    year = next(y for y in (day.year + 1, day.year, day.year - 1) if _first_week(y, week_start) <= at)
    return year, (at - _first_week(year, week_start)) // 7 + 1


def _first_week(year: int, week_start: int) -> int:
    """The day (as an ordinal) on which the first week of the year begins."""
    fourth = date(year, 1, 4)
    return fourth.toordinal() - (fourth.weekday() - week_start) % 7


def _month_length(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _year_length(day: date) -> int:
    return 366 if calendar.isleap(day.year) else 365
