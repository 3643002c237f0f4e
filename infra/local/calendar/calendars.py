"""calendars.*: what a calendar is, the same for everyone who may see it.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference/calendars (contract 11)
"""

from __future__ import annotations

from infra.local.calendar.access import put_rule, unlist_where_lost
from infra.local.calendar.calendar import About, Calendar
from infra.local.calendar.calendar_list import CONFERENCES
from infra.local.calendar.call import Call
from infra.local.calendar.collection import list_of
from infra.local.calendar.errors import ApiError, invalid, not_found, required
from infra.local.calendar.lists import answered
from infra.local.calendar.messages import Json, Response, no_content
from infra.local.calendar.settings import put_setting
from infra.local.calendar.shape import without_nulls
from infra.local.calendar.times import zone_wanted
from infra.local.calendar.upkeep import follow

_DETAILS = ("labelProperties", "workingHours", "autoAcceptInvitations")
_USUAL_ZONE = "UTC"


def get_calendar(call: Call) -> Response:
    """calendars.get."""
    return _answer(call, call.calendar())


def insert(call: Call) -> Response:
    """calendars.insert: a secondary calendar, whose data owner the caller is; it stands on their list at once."""
    summary, zone = call.body.get("summary"), call.body.get("timeZone") or _USUAL_ZONE
    if not summary:
        raise required("Missing title.", "summary")
    zone_wanted(zone)
    world = call.world
    about = About(f"c_{world.new_id(40)}@group.calendar.google.com", call.user, zone, summary, world.stamp())
    _put_rest(about, call.body)
    return _answer(call, world.add_calendar(about))


def patch(call: Call) -> Response:
    """calendars.patch: changes the fields that are sent; null empties one."""
    calendar = call.calendar("owner")
    call.check_if_match(_etag(calendar))
    return _rewrite(call, calendar, call.body)


def update(call: Call) -> Response:
    """calendars.update: description and location that are not sent are emptied, the rest then stays as it was."""
    calendar = call.calendar("owner")
    call.check_if_match(_etag(calendar))
    return _rewrite(call, calendar, {"description": None, "location": None, **call.body})


def delete(call: Call) -> Response:
    """calendars.delete: a secondary calendar, by its data owner; from then on it does not exist for anyone."""
    calendar = call.calendar("owner")
    about = calendar.about
    if about.primary:
        message = "Cannot delete a primary calendar."
        raise ApiError(403, "cannotDeletePrimaryCalendar", message, domain="calendar")
    if about.owner != call.user:
        raise ApiError(403, "forbidden", "Only the data owner can delete the calendar.")
    call.check_if_match(_etag(calendar))
    if call.world.knobs.not_exists:
        call.world.tell(calendar.id, "not_exists")
    about.deleted = True
    about.changed = call.world.stamp()
    call.world.save_calendar(calendar)
    unlist_where_lost(call.world, calendar)
    return no_content()


def clear(call: Call) -> Response:
    """calendars.clear: deletes every event of a primary calendar."""
    calendar = call.calendar("owner")
    if not calendar.about.primary:
        raise invalid("Cannot clear a calendar that is not primary.", "calendarId")
    for event_id in list(calendar.records):
        record = calendar.records[event_id]
        if record.cancelled:
            continue  # an exception has gone with its series already
        before = record.body
        follow(call.world, calendar, before, call.world.write(calendar, {**before, "status": "cancelled"}))
    return no_content()


def transfer(call: Call) -> Response:
    """calendars.transferOwnership: a Workspace administrator makes another user the data owner."""
    if not call.parameters["useAdminAccess"]:
        raise invalid("Only admin access is supported.", "useAdminAccess")
    if call.user not in call.world.knobs.admins:
        raise ApiError(403, "forbidden", "Forbidden")
    calendar = call.world.calendars.get(call.path["calendarId"])
    heir = call.parameters["newDataOwner"].lower()
    if calendar is None or calendar.about.deleted or heir not in call.world.calendars:
        raise not_found()
    about = calendar.about
    if about.primary:
        raise invalid("Only secondary calendars can be transferred.", "calendarId")
    about.owner, about.changed = heir, call.world.stamp()
    call.world.save_calendar(calendar)
    put_rule(call.world, calendar, {"type": "user", "value": heir}, "owner")
    if call.world.collection(list_of(heir)).get(calendar.id) is None:
        call.world.change(list_of(heir), calendar.id, {"selected": True})
    return no_content()


def _rewrite(call: Call, calendar: Calendar, body: Json) -> Response:
    """Write what changes; a write that changes nothing moves no etag (contract 7.9)."""
    about = calendar.about
    if "summary" in body and not body["summary"]:
        raise required("Missing title.", "summary")
    zone = body.get("timeZone") or about.zone
    zone_wanted(zone)
    before = _shown(calendar)
    about.summary = body.get("summary", about.summary)
    _put_rest(about, body)
    if zone != about.zone:
        calendar.move_to(zone)
        call.world.save_records(calendar)
        if about.primary:
            put_setting(call.world, calendar.id, "timezone", zone)
    if _shown(calendar) != before:
        about.changed = call.world.stamp()
        call.world.save_calendar(calendar)
    return _answer(call, calendar)


def _put_rest(about: About, body: Json) -> None:
    about.description = (body["description"] or "") if "description" in body else about.description
    about.location = (body["location"] or "") if "location" in body else about.location
    about.details = {**about.details, **{name: without_nulls(body[name]) for name in _DETAILS if body.get(name)}}


def _answer(call: Call, calendar: Calendar) -> Response:
    return answered(call, _shown(calendar))


def _shown(calendar: Calendar) -> Json:
    about = calendar.about
    return {
        "kind": "calendar#calendar",
        "etag": _etag(calendar),
        "id": calendar.id,
        "summary": about.summary,
        "timeZone": about.zone,
        "conferenceProperties": CONFERENCES,
        **({"description": about.description} if about.description else {}),
        **({"location": about.location} if about.location else {}),
        **about.details,
        **({} if about.primary else {"dataOwner": about.owner}),
    }


def _etag(calendar: Calendar) -> str:
    return f'"{2 * calendar.about.changed}"'
