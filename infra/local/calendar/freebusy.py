"""freebusy.query: when calendars are taken, without a word of what by.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference/freebusy/query (contract 11, 14)
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from infra.local.calendar.access import blocks
from infra.local.calendar.calendar import Calendar
from infra.local.calendar.call import Call
from infra.local.calendar.errors import ApiError, empty_range, invalid, required
from infra.local.calendar.masks import masked, read_mask
from infra.local.calendar.messages import Json, Response, json_value
from infra.local.calendar.record import Record
from infra.local.calendar.times import rfc3339, shown, zone_wanted

LONGEST = timedelta(days=90)
"""Longer ranges are refused: the limit is undocumented; 90 days go through, three calendar months do not always."""
MOST_CALENDARS = 50
MOST_MEMBERS = 100

Span = tuple[datetime, datetime]


def query(call: Call) -> Response:
    """freebusy.query: the busy spans of every calendar asked for; a group stands for its members' calendars."""
    begin, end = _range(call.body)
    zone = zone_wanted(call.body.get("timeZone") or "UTC")
    asked = [item["id"] for item in call.body.get("items") or () if item.get("id")]
    groups = {name: _group(call, name) for name in asked if name in call.world.groups}
    members = [member for group in groups.values() for member in group.get("calendars", ())]
    wanted = dict.fromkeys([*(name for name in asked if name not in groups), *members])
    most = _most(call.body, "calendarExpansionMax", MOST_CALENDARS)
    calendars = {
        name: _error("tooManyCalendarsRequested") if place >= most else _taken(call, name, begin, end, zone)
        for place, name in enumerate(wanted)
    }
    body: Json = {"kind": "calendar#freeBusy", "timeMin": rfc3339(begin), "timeMax": rfc3339(end)}
    body |= {"groups": groups} if groups else {}
    fields = call.parameters.get("fields")
    answer = {**body, "calendars": calendars}
    return json_value(masked(answer, read_mask(fields, call.answer) if fields else None))


def busy(calendar: Calendar, begin: datetime, end: datetime) -> list[Span]:
    """The spans in the range that events take, in order; what overlaps or touches is one span."""
    joined: list[Span] = []
    for begins, ends in sorted(_spans(calendar, begin, end)):
        if joined and begins <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], ends))
        else:
            joined.append((begins, ends))
    return joined


def _spans(calendar: Calendar, begin: datetime, end: datetime) -> Iterator[Span]:
    for record in calendar.in_order(0):
        if not blocks(record.body, calendar):
            continue
        for begins, ends in _occurrences(calendar, record, begin, end):
            if begins < ends and ends > begin and begins < end:
                yield max(begins, begin), min(ends, end)


def _occurrences(calendar: Calendar, record: Record, begin: datetime, end: datetime) -> Iterator[Span]:
    if not record.recurring:
        span = record.span(calendar.zone)
        if span:
            yield span
        return
    series = calendar.series(record)
    for found in series.occurrences(begin, end, end) if series else ():
        if f"{record.id}_{found.key}" not in calendar.records:
            yield found.begins, found.ends


def _taken(call: Call, name: str, begin: datetime, end: datetime, zone: ZoneInfo) -> Json:
    calendar = call.calendar_of(name)
    if calendar is None:
        return _error("notFound")
    spans = busy(calendar, begin, end)
    return {"busy": [{"start": shown(begins, zone), "end": shown(ends, zone)} for begins, ends in spans]}


def _group(call: Call, name: str) -> Json:
    members = call.world.groups[name]
    if len(members) > _most(call.body, "groupExpansionMax", MOST_MEMBERS):
        return {"errors": [{"domain": "global", "reason": "groupTooBig"}]}
    return {"calendars": members}


def _error(reason: str) -> Json:
    return {"errors": [{"domain": "global", "reason": reason}], "busy": []}


def _most(body: Json, name: str, limit: int) -> int:
    wanted: int = body.get(name) or limit
    if not 1 <= wanted <= limit:
        raise invalid("Invalid Value", name)
    return wanted


def _range(body: Json) -> Span:
    begin, end = _instant(body, "timeMin"), _instant(body, "timeMax")
    if end <= begin:
        raise empty_range()
    if end - begin > LONGEST:
        message = "The requested time range is too long."
        raise ApiError(400, "timeRangeTooLong", message, domain="calendar", location="timeMax")
    return begin, end


def _instant(body: Json, name: str) -> datetime:
    text: Any = body.get(name)
    if not text:
        raise required(f"Missing {name} parameter.", name)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or not 2 <= moment.year <= 9996:
        raise invalid("Bad Request", name)
    return moment.replace(microsecond=0)
