"""One recurrence rule as text, read into a frozen value.

Authority: RFC 5545, section 3.3.10, https://www.rfc-editor.org/rfc/rfc5545#section-3.3.10
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from conference.errors import Poison


class Frequency(enum.IntEnum):
    """How long a period of a rule is, longest first."""

    YEARLY = 0
    MONTHLY = 1
    WEEKLY = 2
    DAILY = 3
    HOURLY = 4
    MINUTELY = 5
    SECONDLY = 6


WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(frozen=True, slots=True)
class Weekday:
    """A weekday (Monday is 0); `nth` counts within the month or year, from the end if negative, 0 means every."""

    day: int
    nth: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """A day, a wall time, or (if `at` is aware) an instant: the three ways a recurrence line writes a time."""

    day: date
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """An RRULE or EXRULE; an empty set says nothing, as if the part were not there."""

    frequency: Frequency
    interval: int = 1
    count: int | None = None
    until: Moment | None = None
    week_start: int = 0
    months: frozenset[int] = frozenset()
    week_numbers: frozenset[int] = frozenset()
    year_days: frozenset[int] = frozenset()
    month_days: frozenset[int] = frozenset()
    weekdays: frozenset[Weekday] = frozenset()
    hours: frozenset[int] = frozenset()
    minutes: frozenset[int] = frozenset()
    seconds: frozenset[int] = frozenset()
    positions: frozenset[int] = frozenset()


def read_rule(text: str) -> Rule:
    """Read what stands behind `RRULE:`. Raises Poison with the part that is wrong, never with its value."""
    parts: dict[str, object] = {}
    for part in filter(None, text.strip().split(";")):
        name, _, value = part.upper().partition("=")
        if name not in _PARTS:
            raise Poison("a recurrence rule has a part that is not known")
        field, read = _PARTS[name]
        if field in parts:
            raise Poison(f"a recurrence rule has {name} twice")
        parts[field] = _read(name, read, value)
    if "frequency" not in parts:
        raise Poison("a recurrence rule has no FREQ")
    return Rule(**parts)  # type: ignore[arg-type] # each part was read by the reader of its own field


def read_moment(text: str) -> Moment:
    """Read `20240131`, `20240131T093000` or `20240131T083000Z`. Raises ValueError for all else."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError("not a date or date-time")
    day = date(int(found["year"]), int(found["month"]), int(found["day"]))
    if found["hour"] is None:
        return Moment(day)
    clock = time(int(found["hour"]), int(found["minute"]), int(found["second"]))
    return Moment(day, datetime.combine(day, clock, UTC if found["utc"] else None))


_MOMENT = re.compile(
    r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})"
    r"(?:T(?P<hour>[0-9]{2})(?P<minute>[0-9]{2})(?P<second>[0-9]{2})(?P<utc>Z?))?"
)
_NUMBER = re.compile(r"[+-]?[0-9]{1,5}")
_WEEKDAY = re.compile(r"(?P<nth>[+-]?[0-9]{1,2})?(?P<day>MO|TU|WE|TH|FR|SA|SU)")


def _read(name: str, read: Callable[[str], object], value: str) -> object:
    try:
        return read(value)
    except (ValueError, KeyError) as error:
        raise Poison(f"a recurrence rule's {name} cannot be read") from error


def _number(text: str, low: int, high: int) -> int:
    if not _NUMBER.fullmatch(text) or not low <= int(text) <= high:
        raise ValueError("not a number of this range")
    return int(text)


def _positive(text: str) -> int:
    return _number(text, 1, 99_999)


def _from_zero(high: int) -> Callable[[str], frozenset[int]]:
    return lambda text: frozenset(_number(item, 0, high) for item in text.split(","))


def _from_either_end(high: int) -> Callable[[str], frozenset[int]]:
    def read(text: str) -> frozenset[int]:
        numbers = frozenset(_number(item, -high, high) for item in text.split(","))
        if 0 in numbers:
            raise ValueError("counting starts at one")
        return numbers

    return read


def _months(text: str) -> frozenset[int]:
    return frozenset(_number(item, 1, 12) for item in text.split(","))


def _weekday(text: str) -> Weekday:
    found = _WEEKDAY.fullmatch(text)
    if found is None:
        raise ValueError("not a weekday")
    nth = 0 if found["nth"] is None else int(found["nth"])
    if found["nth"] is not None and not 1 <= abs(nth) <= 53:
        raise ValueError("no such week")
    return Weekday(WEEKDAYS.index(found["day"]), nth)


def _weekdays(text: str) -> frozenset[Weekday]:
    return frozenset(_weekday(item) for item in text.split(","))


_PARTS: dict[str, tuple[str, Callable[[str], object]]] = {
    "FREQ": ("frequency", Frequency.__getitem__),
    "INTERVAL": ("interval", _positive),
    "COUNT": ("count", _positive),
    "UNTIL": ("until", read_moment),
    "WKST": ("week_start", WEEKDAYS.index),
    "BYMONTH": ("months", _months),
    "BYWEEKNO": ("week_numbers", _from_either_end(53)),
    "BYYEARDAY": ("year_days", _from_either_end(366)),
    "BYMONTHDAY": ("month_days", _from_either_end(31)),
    "BYDAY": ("weekdays", _weekdays),
    "BYHOUR": ("hours", _from_zero(23)),
    "BYMINUTE": ("minutes", _from_zero(59)),
    "BYSECOND": ("seconds", _from_zero(59)),
    "BYSETPOS": ("positions", _from_either_end(366)),
}
