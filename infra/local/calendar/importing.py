"""events.import: a private copy of an event that lives elsewhere, made or renewed by its iCalUID.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference/events/import (contract 6.9, 15.4.18)
"""

from __future__ import annotations

from infra.local.calendar.calendar import Calendar
from infra.local.calendar.call import Call
from infra.local.calendar.errors import duplicate, invalid, required
from infra.local.calendar.events import answer_with, assembled, new_event
from infra.local.calendar.merging import merged, written
from infra.local.calendar.messages import Json, Response
from infra.local.calendar.record import Record
from infra.local.calendar.times import instant
from infra.local.calendar.upkeep import follow


def import_event(call: Call) -> Response:
    """events.import: the second import of an iCalUID renews the first; nothing is carried to other calendars."""
    calendar = call.calendar("writer")
    if not call.body.get("iCalUID"):
        raise required("Missing iCalUID.", "resource.iCalUID")
    if call.body.get("eventType", "default") != "default":
        raise invalid("Only events of type default can be imported.")
    known = _known(call, calendar)
    if known is None:
        return _write(call, calendar, None, _fresh(call, calendar))
    call.check_may_change(calendar, known.body)
    call.check_if_match(known.etag)
    return _write(call, calendar, known.body, known.body)


def _write(call: Call, calendar: Calendar, before: Json | None, start_from: Json) -> Response:
    wanted = merged({}, written(call.body, call.parameters))
    wanted.setdefault("status", "confirmed")
    wanted.setdefault("eventType", "default")
    wanted.setdefault("sequence", start_from.get("sequence", 0))
    record = call.world.write(calendar, assembled(call, calendar, start_from, wanted))
    follow(call.world, calendar, before, record, tell_guests=False)
    return answer_with(call, calendar, record.body)


def _known(call: Call, calendar: Calendar) -> Record | None:
    """What an earlier import, or anything else, has left under this iCalUID: the occurrence if the body names one."""
    original = call.body.get("originalStartTime")
    for record in calendar.with_uid(call.body["iCalUID"]):
        theirs = record.body.get("originalStartTime")
        if theirs is None and original is None:
            return record
        if theirs is not None and original is not None and _same(theirs, original, calendar):
            return record
    return None


def _fresh(call: Call, calendar: Calendar) -> Json:
    event_id = _new_id(call, calendar)
    body = {**new_event(call, calendar, event_id), "privateCopy": True}
    organizer = call.body.get("organizer") or {}
    if organizer.get("email"):
        body["organizer"] = {key: organizer[key] for key in ("email", "displayName") if organizer.get(key)}
    if call.body.get("originalStartTime"):
        body["originalStartTime"] = call.body["originalStartTime"]
        body["recurringEventId"] = call.body.get("recurringEventId") or _master(call, calendar)
    return body


def _new_id(call: Call, calendar: Calendar) -> str:
    """An occurrence of a series that is here has the id that the series gives it."""
    master = calendar.records.get(_master(call, calendar)) if call.body.get("originalStartTime") else None
    series = calendar.series(master) if master is not None else None
    if master is None or series is None:
        return call.world.new_id()
    try:
        key = series.key(call.body["originalStartTime"])
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        raise invalid("Invalid original start time.") from None
    if f"{master.id}_{key}" in calendar.records:
        raise duplicate()
    return f"{master.id}_{key}"


def _master(call: Call, calendar: Calendar) -> str:
    masters = [record.id for record in calendar.with_uid(call.body["iCalUID"]) if record.recurring]
    return masters[0] if masters else ""


def _same(one: Json, other: Json, calendar: Calendar) -> bool:
    try:
        return instant(one, calendar.zone) == instant(other, calendar.zone)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        return False
