"""Move an event in time: by minutes on the clock, by days on the wall; pure.

Authority: https://developers.google.com/workspace/calendar/api/concepts/events-calendars#event_time
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from conference.errors import Poison, Unsupported
from conference.event import Event, EventTime
from conference.slot import FIRST_YEAR, LAST_YEAR, slot_of

T = TypeVar("T", date, datetime)


class Shift(msgspec.Struct, frozen=True):
    """How far to move: by minutes of elapsed time, or by days that keep the hour on the wall."""

    minutes: int = 0
    days: int = 0


def shifted(event: Event, shift: Shift, zone: ZoneInfo) -> dict[str, Any]:
    """The `start` and `end` to patch; `zone` is the calendar's.

    Raises Poison if the event's times cannot be read, Unsupported if it would end up where no event can be.
    """
    if event.start is None:
        raise Poison("an event has no start")
    if event.start.all_day:
        return _days(event, shift)
    slot = slot_of(event, zone)
    own = event.start.zone_or(zone)
    start = _instant(slot.start, shift, own)
    # By elapsed time, so that a move over a change of the clocks keeps the event's length.
    return {"start": at(start, own), "end": at(start + (slot.end - slot.start), own)}


def at(when: datetime, zone: ZoneInfo) -> dict[str, str]:
    """An instant as an event holds it, with its zone."""
    return {"dateTime": when.astimezone(zone).isoformat(timespec="seconds"), "timeZone": zone.key}


def _days(event: Event, shift: Shift) -> dict[str, Any]:
    if shift.minutes:
        raise Unsupported("an event of whole days moves by days")
    moved = {}
    for name, when in (("start", event.start), ("end", event.end)):
        if when is not None:
            moved[name] = {"date": _day(when, shift).isoformat()}
    return moved


def _day(when: EventTime, shift: Shift) -> date:
    try:
        return _near(date.fromisoformat(when.date or "") + timedelta(days=shift.days))
    except (ValueError, OverflowError):
        raise Poison("an event's day cannot be read") from None


def _instant(start: datetime, shift: Shift, zone: ZoneInfo) -> datetime:
    wall = start.astimezone(zone) + timedelta(days=shift.days)
    return _near(wall.astimezone(UTC) + timedelta(minutes=shift.minutes))


def _near(when: T) -> T:
    if not FIRST_YEAR < when.year < LAST_YEAR:
        raise Unsupported("that lies centuries away")
    return when
