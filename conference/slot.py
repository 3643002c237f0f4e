"""When something takes place: an event's times as one slot, always in UTC, with the zone that keeps its wall time.

Authority: https://developers.google.com/workspace/calendar/api/concepts/events-calendars
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from conference.errors import Poison
from conference.event import Event, EventTime

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

# Further away, arithmetic on instants may leave what a datetime can hold, and no meeting takes place there.
FIRST_YEAR, LAST_YEAR = 1900, 2199


class Slot(msgspec.Struct, frozen=True):
    """From `start` to `end` (aware, start < end); `zone` is the event's IANA zone, never an attendee's."""

    start: datetime
    end: datetime
    zone: str

    @property
    def zone_info(self) -> ZoneInfo:
        """The zone as an object."""
        return ZoneInfo(self.zone)


class Occurrence(msgspec.Struct, frozen=True):
    """An exception of a series, known by its original start; `slot` None means cancelled."""

    original_start: datetime
    slot: Slot | None
    title: str | None = None


def slot_of(event: Event, zone: ZoneInfo) -> Slot:
    """When the event takes place, in UTC; `zone` is the calendar's, for whole days and for unusable zone names.

    An event without an end, or whose end is its start (Google's way to say "unspecified"), lasts an hour or a day.
    Raises Poison if the start is missing, a time cannot be read or is absurd, or the end precedes the start.
    """
    if event.start is None:
        raise Poison("an event has no start")
    start = instant_of(event.start, zone)
    end = instant_of(event.end, zone) if event.end else start
    if end < start:
        raise Poison("an event ends before it starts")
    if end == start:
        end = _next_midnight(start, zone) if event.start.all_day else start + HOUR
    kept = zone if event.start.all_day else event.start.zone_or(zone)
    return Slot(start, end, kept.key)


def instant_of(when: EventTime, zone: ZoneInfo) -> datetime:
    """The instant in UTC. Raises Poison if it cannot be read, or lies centuries away."""
    instant = when.instant(zone)
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise Poison("an event's time lies centuries away")
    return instant


def midnight(of: datetime, zone: ZoneInfo) -> datetime:
    """When the day of `of`, as the zone reckons, begins; UTC."""
    return datetime.combine(of.astimezone(zone).date(), time(), zone).astimezone(UTC)


def _next_midnight(start: datetime, zone: ZoneInfo) -> datetime:
    # A day may have 23 or 25 hours: half a day past its end is surely the next day.
    return midnight(start + DAY + DAY / 2, zone)
