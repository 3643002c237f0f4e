"""Instants and days as events write them.

Authority: https://developers.google.com/workspace/calendar/api/concepts/events-calendars (contract 2.2, 11)
"""

from __future__ import annotations

import functools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from infra.local.calendar.errors import invalid
from infra.local.calendar.messages import Json

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@functools.lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo | None:
    """The IANA zone, or None if there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def zone_wanted(name: str, location: str = "timeZone") -> ZoneInfo:
    """The IANA zone. Raises ApiError 400 if there is none of that name."""
    zone = zone_named(name)
    if zone is None:
        raise invalid("Invalid time zone.", location)
    return zone


def own_zone(when: Json, calendar_zone: ZoneInfo) -> ZoneInfo:
    """The zone in which a start or end is meant: its own, else the calendar's."""
    return zone_named(when.get("timeZone") or "") or calendar_zone


def is_day(when: Json) -> bool:
    """True when it names a day and no hour."""
    return "date" in when


def instant(when: Json, calendar_zone: ZoneInfo) -> datetime:
    """The instant, in UTC; a day begins at midnight in the calendar's zone. Raises ValueError if it cannot be read."""
    if is_day(when):
        return datetime.combine(date.fromisoformat(when["date"]), time(), calendar_zone).astimezone(UTC)
    read = datetime.fromisoformat(when["dateTime"])
    return (read if read.tzinfo else read.replace(tzinfo=own_zone(when, calendar_zone))).astimezone(UTC)


def shown(moment: datetime, zone: ZoneInfo) -> str:
    """The instant in `zone`, with offset and without fraction (contract 1.1.6)."""
    text = moment.astimezone(zone).replace(microsecond=0).isoformat()
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def in_zone(when: Json, zone: ZoneInfo, calendar_zone: ZoneInfo) -> Json:
    """The same start or end with its `dateTime` written in `zone`; days stay as they are."""
    if is_day(when):
        return when
    return {**when, "dateTime": shown(instant(when, calendar_zone), zone)}


def rezoned(body: Json, zone: ZoneInfo, calendar_zone: ZoneInfo) -> Json:
    """The event with its times written in `zone`; one put in raw, whose times cannot be read, as it is."""
    try:
        names = (name for name in ("start", "end", "originalStartTime") if name in body)
        return {**body, **{name: in_zone(body[name], zone, calendar_zone) for name in names}}
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        return body


def micros(moment: datetime) -> int:
    """Microseconds since the epoch."""
    return (moment - EPOCH) // _MICROSECOND


@functools.lru_cache(maxsize=1024)
def stamp_text(stamp: int) -> str:
    """Microseconds since the epoch as `created` and `updated` show them: UTC with milliseconds."""
    return rfc3339(EPOCH + timedelta(microseconds=stamp))


def rfc3339(moment: datetime) -> str:
    """An instant as the control routes show it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
