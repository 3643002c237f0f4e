"""What an event's fields may hold, field by field.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference/events (contract 4.4, 5, 8, 10)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from infra.local.calendar.errors import ApiError, empty_range, invalid, required
from infra.local.calendar.messages import Json
from infra.local.calendar.recurrence import check_rules
from infra.local.calendar.times import in_zone, instant, is_day, zone_named

_ID = re.compile(r"[a-v0-9]{5,1024}")
_OFFSET_ZONE = re.compile(r"(GMT|UTC)([+-]\d{1,2}(:\d\d)?)?")
_RESPONSES = ("needsAction", "declined", "tentative", "accepted")
_TYPES = ("default", "birthday", "focusTime", "outOfOffice", "workingLocation")
_SEQUENCE = (
    "Invalid sequence value. The specified sequence number is below the current sequence number of the resource."
)
_PERSON = ("email", "displayName", "optional", "resource", "responseStatus", "comment", "additionalGuests")
_LAST_DAY = datetime(9998, 1, 1, tzinfo=UTC)


def check_id(event_id: str) -> None:
    """Return if a client may choose this id. Raises ApiError 400."""
    if not _ID.fullmatch(event_id):
        raise invalid("Invalid resource id value.")


def checked(event: Json, before: Json, zone: ZoneInfo) -> Json:
    """The event's writable fields in the form in which they are kept; only what differs from `before` is checked.

    Raises ApiError 400 for what Google refuses.
    """
    result = dict(event)
    for name, check in _CHECKS.items():
        if name in event and event[name] != before.get(name):
            result[name] = check(event[name])
    if event.get("sequence", 0) < before.get("sequence", 0):
        raise invalid(_SEQUENCE)
    if event.get("eventType", "default") != before.get("eventType", event.get("eventType", "default")):
        raise invalid("Event type cannot be changed.")
    times = ("start", "end", "recurrence")
    if any(event.get(name) != before.get(name) for name in times) or "start" not in before:
        result |= _times(event, zone)
    return result


def _times(event: Json, zone: ZoneInfo) -> Json:
    if not event.get("start"):
        raise required("Missing start time.")
    if not event.get("end"):
        raise required("Missing end time.")
    start, end = _time(event["start"], "start", zone), _time(event["end"], "end", zone)
    if is_day(start) != is_day(end):
        raise invalid("The start and end times must either both be date or both be dateTime.")
    if instant(end, zone) < instant(start, zone):
        raise empty_range("end")
    times: Json = {"start": start, "end": end}
    if event.get("recurrence"):
        if not is_day(start) and "timeZone" not in start:
            raise required("Missing time zone definition for start time.")
        check_rules(event["recurrence"], {**event, **times}, zone)
    return times


def _time(when: Json, name: str, zone: ZoneInfo) -> Json:
    if ("date" in when) == ("dateTime" in when):
        raise invalid(f"Invalid {name} time.")
    named = when.get("timeZone")
    if named is not None and zone_named(named) is None and not _OFFSET_ZONE.fullmatch(named):
        raise invalid(f"Invalid time zone definition for {name} time.")
    try:
        moment = instant(when, zone)
    except (ValueError, OverflowError):
        raise invalid(f"Invalid {name} time.") from None
    if moment > _LAST_DAY or moment.year < 2:
        raise invalid(f"Invalid {name} time.")
    return {"date": when["date"]} if is_day(when) else in_zone(when, zone, zone)


def _one_of(*values: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in values:
            raise invalid()
        return value

    return check


def _attendees(rows: list[Json]) -> list[Json]:
    by_address: dict[str, Json] = {}
    for row in rows:
        address = row.get("email") or ""
        if "@" not in address.strip("@"):
            raise required("Missing attendee email.") if not address else invalid("Invalid attendee email.")
        if row.get("responseStatus", "needsAction") not in _RESPONSES:
            raise invalid()
        kept = {name: row[name] for name in _PERSON if row.get(name) not in {None, "", False}}
        by_address.setdefault(address.lower(), {**kept, "responseStatus": row.get("responseStatus") or "needsAction"})
    return list(by_address.values())


def _reminders(reminders: Json) -> Json:
    overrides = reminders.get("overrides") or []
    if len(overrides) > 5 or (overrides and reminders.get("useDefault")):
        raise _bad_reminders()
    for override in overrides:
        if override.get("method") not in {"email", "popup"} or not 0 <= override.get("minutes", -1) <= 40_320:
            raise _bad_reminders()
    return {**reminders, "useDefault": reminders.get("useDefault", False)}


def _bad_reminders() -> ApiError:
    return invalid("Invalid reminders.")


def _attachments(rows: list[Json]) -> list[Json]:
    if len(rows) > 25:
        raise invalid("An event can have at most 25 attachments.")
    return rows


def _source(source: Json) -> Json:
    if not source.get("url", "").startswith(("http://", "https://")):
        raise invalid("Invalid source url.")
    return source


def _extended(groups: Json) -> Json:
    kept = {group: _properties(pairs) for group, pairs in groups.items() if pairs}
    if sum(map(len, kept.values())) > 300:
        raise invalid("Too many extended properties.")
    if sum(len(key) + len(value) for pairs in kept.values() for key, value in pairs.items()) > 32 * 1024:
        raise invalid("Extended properties are too large.")
    return {group: pairs for group, pairs in kept.items() if pairs}


def _properties(pairs: Mapping[str, str]) -> Json:
    # Too long a key is dropped, too long a value is cut, both without a word (contract 4.4).
    return {key: value[:1024] for key, value in pairs.items() if len(key) <= 44}


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "status": _one_of("confirmed", "tentative", "cancelled"),
    "transparency": _one_of("opaque", "transparent"),
    "visibility": _one_of("default", "public", "private", "confidential"),
    "eventType": _one_of(*_TYPES),
    "attendees": _attendees,
    "reminders": _reminders,
    "attachments": _attachments,
    "source": _source,
    "extendedProperties": _extended,
}
