"""events.move: another calendar becomes the organizer's.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference/events/move (contract 4.2, 6.8)
"""

from __future__ import annotations

from infra.local.calendar.calendar import Calendar
from infra.local.calendar.call import Call
from infra.local.calendar.copies import link
from infra.local.calendar.errors import ApiError, deleted, duplicate, invalid, not_organizer
from infra.local.calendar.events import answer_with, event_before
from infra.local.calendar.messages import Json, Response
from infra.local.calendar.people import addresses, organized_by, organizer_of, row_of, seen_from
from infra.local.calendar.record import Record

_GONE = ("kind", "id", "iCalUID", "recurringEventId", "originalStartTime")
_OWN = ("reminders", "colorId", "transparency")
"""What a guest who becomes the organizer keeps of their own copy."""


def move(call: Call) -> Response:
    """events.move: the id and the iCalUID stay; the answer says cancelled though the move worked."""
    source = call.calendar("writer")
    target = call.calendar("writer", call.parameters["destination"])
    before = event_before(source, call)
    call.check_if_match(before.get("etag", ""))
    _check(source, target, before)
    exceptions = [record for record in source.exceptions(before["id"]) if record.master == before["id"]]
    _move(call, source, target, before)
    for exception in exceptions:
        if not exception.cancelled or not _taken(source, target, exception.body):
            _move(call, source, target, exception.body)
    return answer_with(call, source, {**before, "status": "cancelled", "etag": source.records[before["id"]].etag})


def _check(source: Calendar, target: Calendar, before: Json) -> None:
    if before.get("status") == "cancelled":
        raise deleted()
    if before.get("eventType", "default") != "default":
        raise invalid("Only events of type default can be moved.")
    if before.get("recurringEventId"):
        raise ApiError(400, "cannotChangeOrganizerOfInstance", "Cannot change the organizer of an instance.")
    if not organized_by(before, source):
        raise not_organizer()
    if source is target:
        raise invalid("The event is on the destination calendar already.", "destination")
    if _taken(source, target, before):
        raise duplicate()


def _taken(source: Calendar, target: Calendar, body: Json) -> bool:
    """True if the target has another event under the same id: neither a guest's copy of this one nor what it left."""
    known = target.records.get(body["id"])
    if known is None:
        return False
    return known.body.get("iCalUID") != body.get("iCalUID") or not (known.cancelled or organized_by(known.body, source))


def _move(call: Call, source: Calendar, target: Calendar, before: Json) -> None:
    main = {**before, "organizer": organizer_of(target), "htmlLink": link(before["id"], target)}
    known = target.records.get(before["id"])
    call.world.write(target, seen_from({**main, **_kept(known, _OWN)}, target))
    for guest in _guests(call, before):
        copy = guest.records.get(before["id"])
        if guest not in {source, target} and copy is not None and copy.body.get("iCalUID") == before.get("iCalUID"):
            call.world.write(guest, seen_from({**copy.body, "organizer": organizer_of(target)}, guest))
    if row_of(before, source.id) is not None:
        call.world.write(source, seen_from({**main, "htmlLink": before.get("htmlLink", "")}, source))
    else:
        # The old organizer is no guest: nothing is left but the id (contract 4.2).
        call.world.write(source, {**{key: before[key] for key in _GONE if key in before}, "status": "cancelled"})


def _kept(known: Record | None, names: tuple[str, ...]) -> Json:
    return {name: known.body[name] for name in names if name in known.body} if known is not None else {}


def _guests(call: Call, body: Json) -> list[Calendar]:
    found = (call.world.calendars.get(address) for address in addresses(body))
    return [calendar for calendar in found if calendar is not None and calendar.about.primary]
