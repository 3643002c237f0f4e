"""The recurrence lines of a series: which instants are its occurrences.

Authority: https://developers.google.com/workspace/calendar/api/concepts/events-calendars#recurring_events
Rules are expanded by dateutil (https://dateutil.readthedocs.io/en/stable/rrule.html) in wall time, which is kept in the
slot's zone. Work is bounded whatever the lines say, for they are written by other software.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial
from math import prod
from typing import Self, cast
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

from conference.errors import Poison
from conference.slot import FIRST_YEAR, LAST_YEAR, Slot, midnight

DAY = timedelta(days=1)
MAX_LINES = 100  # far more than any calendar writes; each costs a walk
MAX_RULE = 500  # characters
MAX_PLACES = 112_000  # for occurrences, that are looked at: enough for a daily series from 1900 to 2199

_DAYS_OF_PERIOD = {"YEARLY": 366, "MONTHLY": 31, "WEEKLY": 7, "DAILY": 1, "HOURLY": 1, "MINUTELY": 1, "SECONDLY": 1}
_LABORIOUS = ("BYHOUR", "BYMINUTE", "BYSECOND", "BYSETPOS")  # what makes a single day laborious
_RULE = re.compile(rf"[A-Z0-9=;,+-]{{1,{MAX_RULE}}}")
_MOMENT = re.compile(r"[0-9]{8}(?:T[0-9]{6}Z?)?")


def occurrences_among(lines: Sequence[str], slot: Slot, instants: Iterable[datetime]) -> frozenset[datetime]:
    """Those of the instants (aware; answered in UTC) at which a series that begins with `slot` was meant to occur.

    RRULE, EXRULE, RDATE and EXDATE lines come in any number and order. The start counts whether or not a rule yields
    it; a date without an hour stands for the occurrence of that day. Raises Poison if a line cannot be read, or asks
    for too much work; the cause names the line's kind only.
    """
    asked = {instant.astimezone(UTC) for instant in instants if FIRST_YEAR <= instant.year <= LAST_YEAR}
    return frozenset(_told(lines, slot, max(asked, default=slot.start), asked.intersection))


def occurrences_until(lines: Sequence[str], slot: Slot, last: datetime) -> list[datetime]:
    """Every instant up to `last` (aware; answered in UTC, in order) at which the series was meant to occur.

    Reads the lines as `occurrences_among` does, and raises Poison where that does.
    """
    return sorted(_told(lines, slot, last, lambda instants: {instant for instant in instants if instant <= last}))


def occurs_at(lines: Sequence[str], slot: Slot, instant: datetime) -> bool:
    """True if the instant (aware) is among the occurrences; see there."""
    return bool(occurrences_among(lines, slot, [instant]))


def _told(
    lines: Sequence[str], slot: Slot, last: datetime, kept: Callable[[Iterable[datetime]], set[datetime]]
) -> set[datetime]:
    """Of the instants that each line tells of, up to `last`, those that are `kept`; exclusions are taken away."""
    if len(lines) > MAX_LINES:
        raise Poison("an event has too many recurrence lines")
    start = slot.start.astimezone(UTC)
    series = _Series(slot.zone_info, start, _first_wall(slot), last, _Budget())
    told: dict[str, set[datetime]] = {"RRULE": kept([start]), "RDATE": set(), "EXRULE": set(), "EXDATE": set()}
    for line in lines:
        head, _, value = line.strip().partition(":")
        kind, *parameters = head.split(";")
        if kind.upper() not in told:
            raise Poison("a recurrence line is no RRULE, EXRULE, RDATE or EXDATE")
        told[kind.upper()] |= kept(series.read(kind.upper(), parameters, value.strip()))
    return (told["RRULE"] | told["RDATE"]) - told["EXRULE"] - told["EXDATE"]


@dataclass
class _Budget:
    left: int = MAX_PLACES

    def spend(self, places: int) -> None:
        self.left -= places
        if self.left < 0:
            raise Poison("a recurrence rule asks for more work than any calendar does")


class _Stride(int):
    """An INTERVAL that pays for every step taken with it.

    dateutil looks for a next occurrence as far as the year 9999 and heeds UNTIL only when it has found one; what it
    adds at each step is the one thing it lets us watch.
    """

    pay: Callable[[], None]

    @classmethod
    def paid(cls, interval: int, pay: Callable[[], None]) -> Self:
        if interval < 1:
            raise ValueError  # no step forward
        stride = cls(interval)
        stride.pay = pay
        return stride

    def __radd__(self, position: int, /) -> int:
        self.pay()
        return position + int(self)

    def __mul__(self, days_of_week: int, /) -> int:
        self.pay()
        return int(self) * days_of_week


@dataclass(frozen=True)
class _Series:
    zone: ZoneInfo
    start: datetime
    first: datetime  # the start in wall time
    last: datetime  # that anybody asks for
    budget: _Budget

    def read(self, kind: str, parameters: Sequence[str], value: str) -> list[datetime]:
        """The instants of one line, those of a rule up to the last that is asked for."""
        try:
            if kind in {"RRULE", "EXRULE"}:
                return list(self._of_rule(value.upper()))
            return list(self._of_dates(value.upper(), _named_zone(parameters) or self.zone))
        except (ArithmeticError, LookupError, OSError, TypeError, ValueError):
            # Not "from": what dateutil and zoneinfo say repeats what was written.
            raise Poison(f"the recurrence line {kind} cannot be read") from None

    def _of_dates(self, value: str, zone: ZoneInfo) -> Iterator[datetime]:
        for text in value.split(","):
            # A period begins with its start.
            yield _instant(_moment(text.strip().partition("/")[0], self.first.time()), zone)

    def _of_rule(self, value: str) -> Iterator[datetime]:
        parts = _parts(value)
        end = min(self.last, self._until(parts.pop("UNTIL", None)))
        rule = _rule(parts, self.first, self.budget)
        if end < self.start:
            return
        # A wall time that clocks skip is shown later than it is meant, by a whole day at most.
        horizon = end.astimezone(self.zone).replace(tzinfo=None) + DAY
        for wall in rule:
            if wall > horizon:
                return
            instant = _instant(wall, self.zone)
            if instant <= end:
                yield instant

    def _until(self, text: str | None) -> datetime:
        """The last instant that UNTIL, which is inclusive, admits; a day lasts to its end."""
        moment = None if text is None else _moment(text, time.max)
        return self.last if moment is None or moment.year > LAST_YEAR else _instant(moment, self.zone)


def _parts(value: str) -> dict[str, str]:
    """The parts of a rule by name, without those of which dateutil would make something that is not meant."""
    pairs = [pair.partition("=") for pair in value.split(";") if pair]
    parts = {name: text for name, _, text in pairs}
    weekdays_are_plain = {len(day) == len("MO") for day in parts.get("BYDAY", "MO").split(",")}
    days = {int(day) for day in parts.get("BYMONTHDAY", "1").split(",")}
    if not _RULE.fullmatch(value) or len(parts) < len(pairs) or len(weekdays_are_plain) > 1 or 0 in days:
        raise ValueError  # not a rule that dateutil reads as it is meant
    return parts


def _rule(parts: dict[str, str], first: datetime, budget: _Budget) -> rrule:
    times = prod(parts.get(name, "").count(",") + 1 for name in _LABORIOUS)
    pay = partial(budget.spend, _DAYS_OF_PERIOD[parts["FREQ"]] * times)
    pay()  # for the first period, which is entered without a step
    # Without WKST, dateutil would take what the process has set for its calendars.
    text = ";".join(f"{name}={value}" for name, value in {"WKST": "MO", **parts}.items())
    rule = cast("rrule", rrulestr(text, dtstart=first))  # one rule is never read as a set of rules
    return rule.replace(interval=_Stride.paid(int(parts.get("INTERVAL", "1")), pay))


def _moment(text: str, clock: time) -> datetime:
    """Read `20240131T083000Z` (aware), `20240131T093000` or `20240131` (naive; the day's `clock`)."""
    if not _MOMENT.fullmatch(text):
        raise ValueError  # not a date or date-time
    moment = datetime.fromisoformat(text)
    return moment if "T" in text else datetime.combine(moment, clock)


def _named_zone(parameters: Sequence[str]) -> ZoneInfo | None:
    pairs = (parameter.partition("=") for parameter in parameters)
    return next((ZoneInfo(value.strip('"')) for name, _, value in pairs if name.upper() == "TZID"), None)


def _instant(moment: datetime, zone: ZoneInfo) -> datetime:
    # fold=0: a time that occurs twice means the first, one that is skipped counts from before the shift (RFC 5545).
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _first_wall(slot: Slot) -> datetime:
    """The wall time of the first occurrence; whole days begin at midnight even where that midnight was skipped."""
    wall = slot.start.astimezone(slot.zone_info).replace(tzinfo=None)
    if all(instant == midnight(instant, slot.zone_info) for instant in (slot.start, slot.end)):
        return datetime.combine(wall.date(), time())
    return wall
