"""events.get, insert, update, patch and delete.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference/events (contract 4 to 8)
"""

from __future__ import annotations

from infra.local.calendar.calendar import Calendar
from infra.local.calendar.call import Call
from infra.local.calendar.conferencing import conference
from infra.local.calendar.content import check_id, checked
from infra.local.calendar.copies import link
from infra.local.calendar.errors import deleted, duplicate, no_guests_of_robots, not_found
from infra.local.calendar.masks import read_mask
from infra.local.calendar.merging import WRITABLE, merged, without_defaults, written
from infra.local.calendar.messages import Json, Response, json_bytes, no_content, not_modified
from infra.local.calendar.people import organizer_of, seen_from
from infra.local.calendar.permitted import check_change, check_new, own_answer
from infra.local.calendar.shape import fitting
from infra.local.calendar.times import stamp_text
from infra.local.calendar.upkeep import follow
from infra.local.calendar.views import view_of

_SERVERS = ("etag", "updated", "sequence")


def get(call: Call) -> Response:
    """events.get: cancelled events too; an instance id names an occurrence."""
    calendar = call.calendar()
    body = found_event(calendar, call)
    if not call.sees(calendar, body):
        raise not_found()
    if call.knows(body.get("etag", "")):
        return not_modified(body["etag"])
    return answer_with(call, calendar, body)


def insert(call: Call) -> Response:
    """events.insert: a client may choose the id, which then stays taken for ever."""
    calendar = call.calendar("writer")
    event_id = call.body.get("id") or call.world.new_id()
    check_id(event_id)
    if event_id in calendar.records:
        raise duplicate()
    wanted = merged({}, written(call.body, call.parameters))
    if wanted.get("attendees") and call.world.book.accounts.get(call.user):
        raise no_guests_of_robots()
    check_new(wanted, calendar)
    body = assembled(call, calendar, new_event(call, calendar, event_id), wanted)
    if wanted.get("status") == "cancelled":
        body["status"] = "confirmed"
    record = call.world.write(calendar, body)
    follow(call.world, calendar, None, record)
    return answer_with(call, calendar, record.body)


def patch(call: Call) -> Response:
    """events.patch: objects merge, arrays are replaced, null removes."""
    calendar = call.calendar("writer")
    before = event_before(calendar, call)
    call.check_if_match(before.get("etag", ""))
    wanted = merged(_writable(before), written(call.body, call.parameters))
    return _rewrite(call, calendar, before, wanted)


def update(call: Call) -> Response:
    """events.update: replaces everything that may be written, save what the call's versions leave alone."""
    calendar = call.calendar("writer")
    before = event_before(calendar, call)
    call.check_if_match(before.get("etag", ""))
    wanted = merged({}, written(call.body, call.parameters))
    for name, parameter in (("conferenceData", "conferenceDataVersion"), ("attachments", "supportsAttachments")):
        if not call.parameters.get(parameter) and name in before:
            wanted[name] = before[name]
    wanted.setdefault("eventType", before.get("eventType", "default"))
    wanted.setdefault("sequence", before.get("sequence", 0))
    return _rewrite(call, calendar, before, wanted)


def delete(call: Call) -> Response:
    """events.delete: 410 the second time; without updates sent, guests keep their copies (contract 6.10)."""
    calendar = call.calendar("writer")
    before = event_before(calendar, call)
    if before.get("status") == "cancelled":
        raise deleted()
    call.check_if_match(before.get("etag", ""))
    record = call.world.write(calendar, {**before, "status": "cancelled"})
    follow(call.world, calendar, before, record, tell_guests=call.parameters.get("sendUpdates") != "none")
    return no_content()


def found_event(calendar: Calendar, call: Call) -> Json:
    """The event that the path names. Raises ApiError 404."""
    body = calendar.find(call.path["eventId"])
    if body is None:
        raise not_found()
    return body


def event_before(calendar: Calendar, call: Call) -> Json:
    """The event that a write changes; of one put in raw, what can be read."""
    before = fitting(found_event(calendar, call), "Event")
    call.check_may_change(calendar, before)
    for person, known in (("creator", {"email": call.user}), ("organizer", organizer_of(calendar))):
        if not before.get(person, {}).get("email"):
            before[person] = known
    return before


def answer_with(call: Call, calendar: Calendar, body: Json) -> Response:
    """The event as this caller sees it."""
    fields = call.parameters.get("fields")
    view = view_of(call, calendar, read_mask(fields, call.answer) if fields else None)
    record = calendar.records.get(body["id"])
    same = record is not None and record.body is body
    return json_bytes(view.record(record) if record and same else view.body(body), etag=body.get("etag"))


def new_event(call: Call, calendar: Calendar, event_id: str) -> Json:
    """The fields that the server gives a new event."""
    return {
        "kind": "calendar#event",
        "etag": "",
        "id": event_id,
        "status": "confirmed",
        "htmlLink": link(event_id, calendar),
        "created": stamp_text(call.world.stamp()),
        "updated": "",
        "creator": {"email": call.user},
        "organizer": organizer_of(calendar),
        "iCalUID": call.body.get("iCalUID") or f"{event_id}@google.com",
        **({"privateCopy": True} if call.body.get("privateCopy") else {}),
    }


def _writable(event: Json) -> Json:
    return {name: event[name] for name in WRITABLE if name in event}


def _rewrite(call: Call, calendar: Calendar, before: Json, wanted: Json) -> Response:
    if call.body.get("attendeesOmitted"):
        wanted = own_answer(before, wanted, calendar)
    wanted = check_change(before, wanted, calendar, call.user)
    body = assembled(call, calendar, before, wanted)
    changed = {name for name in {*before, *body} if name not in _SERVERS and before.get(name) != body.get(name)}
    if not changed and body["sequence"] == before.get("sequence") and not call.world.knobs.no_op_moves_etag:
        return answer_with(call, calendar, before)
    if changed & {"start", "end", "recurrence"} and body["sequence"] == before.get("sequence"):
        body["sequence"] += 1
    record = call.world.write(calendar, body, moves_updated=changed != {"reminders"})
    follow(call.world, calendar, before, record, tell_guests=not _cancelled_quietly(call, record.cancelled))
    return answer_with(call, calendar, record.body)


def _cancelled_quietly(call: Call, cancelled: bool) -> bool:
    return cancelled and call.parameters.get("sendUpdates") == "none"


def assembled(call: Call, calendar: Calendar, before: Json, wanted: Json) -> Json:
    """The event that `wanted` makes of `before`, whole and as this calendar sees it."""
    kept = _writable(before)
    fields = checked(wanted, kept, calendar.zone)
    _put_conference(call, fields, kept)
    body = {name: value for name, value in before.items() if name not in WRITABLE and name != "hangoutLink"}
    body |= without_defaults(fields)
    body.setdefault("status", "confirmed")
    body.setdefault("sequence", 0)
    body.setdefault("reminders", {"useDefault": True})
    body.setdefault("eventType", "default")
    if body.get("recurringEventId"):
        body.pop("recurrence", None)
    return seen_from(with_hangout_link(body), calendar)


def _put_conference(call: Call, fields: Json, kept: Json) -> None:
    wanted, before = fields.get("conferenceData"), kept.get("conferenceData")
    if wanted is not None and wanted != before:
        outcome = call.world.knobs.create_request
        fields["conferenceData"] = conference(wanted, before, call.world.random, outcome)


def with_hangout_link(body: Json) -> Json:
    """The event with the link to its Meet conference, if it has one."""
    data = body.get("conferenceData") or {}
    if data.get("conferenceSolution", {}).get("key", {}).get("type") != "hangoutsMeet":
        return body
    points = [point["uri"] for point in data.get("entryPoints", ()) if point.get("entryPointType") == "video"]
    return {**body, "hangoutLink": points[0]} if points else body
