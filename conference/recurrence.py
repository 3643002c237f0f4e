"""The recurrence lines of a series: which instants are its occurrences.

Authority: https://developers.google.com/workspace/calendar/api/concepts/events-calendars#recurring_events
Wall time is kept in the slot's zone. Work is bounded whatever the lines say, for they are written by other software.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from conference.errors import Poison
from conference.pattern import Pattern
from conference.rule import read_moment, read_rule
from conference.slot import FIRST_YEAR, LAST_YEAR, Slot, midnight

DAY = timedelta(days=1)
MAX_LINES = 100  # far more than any calendar writes; each may cost a walk


@dataclass(frozen=True)
class Recurrence:
    """Lines that were read, together with the zone and the first wall time they are meant from."""

    zone: ZoneInfo
    start: datetime
    rules: tuple[Pattern, ...]
    without: tuple[Pattern, ...]
    dates: frozenset[datetime]
    excluded: frozenset[datetime]

    def has(self, instant: datetime) -> bool:
        """True if the instant (UTC) is an occurrence: the first, by a rule or a date, and excluded by neither."""
        if instant in self.excluded or self._by(self.without, instant):
            return False
        return instant == self.start or instant in self.dates or self._by(self.rules, instant)

    def _by(self, patterns: tuple[Pattern, ...], instant: datetime) -> bool:
        walls = _walls(instant, self.zone)
        return any(_in_time(pattern, wall, instant) and pattern.yields(wall) for pattern in patterns for wall in walls)


def read_recurrence(lines: Sequence[str], slot: Slot) -> Recurrence:
    """Read RRULE, EXRULE, RDATE and EXDATE lines in any number and order.

    A date without an hour stands for the occurrence of that day. Raises Poison on a line that cannot be read; the
    cause names the line's kind only.
    """
    first = _first_wall(slot)
    reader = _Reader(slot.zone_info, first, {kind: [] for kind in ("RRULE", "EXRULE")}, {"RDATE": [], "EXDATE": []})
    if len(lines) > MAX_LINES:
        raise Poison("an event has too many recurrence lines")
    for line in lines:
        reader.take(line)
    return Recurrence(
        slot.zone_info,
        slot.start.astimezone(UTC),
        tuple(reader.patterns["RRULE"]),
        tuple(reader.patterns["EXRULE"]),
        frozenset(reader.instants["RDATE"]),
        frozenset(reader.instants["EXDATE"]),
    )


def occurs_at(recurrence: Sequence[str], slot: Slot, instant: datetime) -> bool:
    """True if a series that begins with `slot` has an occurrence that was meant to start at `instant` (aware).

    The start itself counts, whether or not the rule yields it. Raises Poison if a line cannot be read.
    """
    read = read_recurrence(recurrence, slot)
    return FIRST_YEAR <= instant.year <= LAST_YEAR and read.has(instant.astimezone(UTC))


@dataclass(frozen=True)
class _Reader:
    zone: ZoneInfo
    first: datetime
    patterns: dict[str, list[Pattern]]
    instants: dict[str, list[datetime]]

    def take(self, line: str) -> None:
        head, _, value = line.strip().partition(":")
        kind, *parameters = head.split(";")
        kind = kind.upper()
        if kind in self.patterns:
            self.patterns[kind].append(Pattern(read_rule(value), self.first))
        elif kind in self.instants:
            zone = _named_zone(parameters) or self.zone
            self.instants[kind] += [self._instant(kind, text, zone) for text in value.split(",")]
        else:
            raise Poison("a recurrence line is no RRULE, EXRULE, RDATE or EXDATE")

    def _instant(self, kind: str, text: str, zone: ZoneInfo) -> datetime:
        try:
            moment = read_moment(text.strip().upper().partition("/")[0])  # a period begins with its start
            wall = datetime.combine(moment.day, self.first.time()) if moment.at is None else moment.at
            return _instant_of(wall, zone)
        except (ValueError, OverflowError) as error:
            raise Poison(f"an {kind} cannot be read") from error


def _named_zone(parameters: Sequence[str]) -> ZoneInfo | None:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.upper() == "TZID":
            return _zone(value.strip('"'))
    return None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Poison("a recurrence line names an unknown time zone") from error


def _first_wall(slot: Slot) -> datetime:
    """The wall time of the first occurrence; whole days begin at midnight even where that midnight was skipped."""
    wall = slot.start.astimezone(slot.zone_info).replace(tzinfo=None)
    if all(instant == midnight(instant, slot.zone_info) for instant in (slot.start, slot.end)):
        return datetime.combine(wall.date(), time())
    return wall


def _walls(instant: datetime, zone: ZoneInfo) -> set[datetime]:
    """The wall times that mean this instant: the one clocks show, and one that they skipped when set forward."""
    offsets: set[timedelta] = set()
    for shown in (instant, instant - DAY):
        offset = shown.astimezone(zone).utcoffset()
        offsets |= {offset} if offset is not None else set()
    naive = instant.replace(tzinfo=None)
    return {naive + offset for offset in offsets if _instant_of(naive + offset, zone) == instant}


def _instant_of(wall: datetime, zone: ZoneInfo) -> datetime:
    # fold=0: a time that occurs twice means the first, one that is skipped counts from before the shift (RFC 5545).
    return (wall if wall.tzinfo else wall.replace(tzinfo=zone)).astimezone(UTC)


def _in_time(pattern: Pattern, wall: datetime, instant: datetime) -> bool:
    """True unless UNTIL, which is inclusive, has passed; a day as UNTIL lasts to its end."""
    until = pattern.rule.until
    if until is None:
        return True
    if until.at is None:
        return wall.date() <= until.day
    return instant <= until.at if until.at.tzinfo else wall <= until.at
