"""Guests' copies of an event on the calendars of this server, and their answers on the way back.

Authority: https://developers.google.com/workspace/calendar/api/concepts/inviting-attendees-to-events (contract 6)
"""

from __future__ import annotations

import base64

from infra.local.calendar.calendar import Calendar
from infra.local.calendar.merging import GUEST_FLAGS, WRITABLE
from infra.local.calendar.messages import Json
from infra.local.calendar.people import addresses, organized_by, row_of, seen_from
from infra.local.calendar.record import Record
from infra.local.calendar.times import in_zone
from infra.local.calendar.world import World

_PRIVATE = ("reminders", "colorId", "transparency")
_NOT_CARRIED = frozenset({*_PRIVATE, *GUEST_FLAGS, "attendees", "status", "extendedProperties", "eventType", "source"})
_OWN = ("etag", "updated", "created", "htmlLink")
MOST_ANSWERING = 200
"""Guests; the answers of more are not carried to the organizer (contract 6.5)."""
_ANSWER = ("responseStatus", "comment", "additionalGuests")


def spread(world: World, home: Calendar, before: Json | None, after: Json) -> None:
    """Carry a change of the main copy to every guest whose calendar is on this server."""
    if not organized_by(after, home) or after.get("privateCopy"):
        return
    invited = set(addresses(after))
    for address in dict.fromkeys([*addresses(before), *addresses(after)]):
        guest = world.calendars.get(address)
        if guest is None or guest is home or not guest.about.primary:
            continue
        if address in invited and after["status"] != "cancelled":
            _place(world, home, guest, before, after)
        else:
            _withdraw(world, guest, after)


def welcome(world: World, guest: Calendar) -> None:
    """Put the invitations that were sent before this calendar came into being onto it."""
    for home in list(world.calendars.values()):
        for record in list(home.in_order(0)) if home is not guest else ():
            if not record.cancelled and guest.id in addresses(record.body) and organized_by(record.body, home):
                _place(world, home, guest, None, record.body)


def answer_home(world: World, calendar: Calendar, before: Json, after: Json) -> list[tuple[Calendar, Json, Record]]:
    """Carry a guest's answer from their copy to the main copy; its new version, if that changed it."""
    home = world.calendars.get(_organizer(after))
    mine = _answer(after, calendar)
    if home is None or home is calendar or mine is None or mine == _answer(before, calendar):
        return []
    main = None if after.get("privateCopy") else home.find(after["id"])
    row = row_of(main, calendar.id) if main and main["status"] != "cancelled" else None
    if main is None or row is None or _answer(main, calendar) == mine or len(main["attendees"]) > MOST_ANSWERING:
        return []
    kept = {key: value for key, value in row.items() if key not in _ANSWER}
    rows = [{**kept, **mine} if each is row else each for each in main["attendees"]]
    return [(home, main, world.write(home, {**main, "attendees": rows}))]


def edit_home(world: World, calendar: Calendar, before: Json, after: Json) -> list[tuple[Calendar, Json, Record]]:
    """Carry a guest's edits to the main copy, if its organizer lets guests modify it; its new version, if any."""
    home = world.calendars.get(_organizer(after))
    if home is None or home is calendar or after.get("privateCopy") or after.get("status") == "cancelled":
        return []
    main = home.find(after["id"])
    if main is None or not main.get("guestsCanModify") or main["status"] == "cancelled":
        return []
    body = dict(main)
    for name in (*WRITABLE, "hangoutLink"):
        if name in _NOT_CARRIED or before.get(name) == after.get(name):
            continue
        if name in after:
            body[name] = _in_zone(after[name], home, calendar) if name in {"start", "end"} else after[name]
        else:
            body.pop(name, None)
    rows = {row["email"].lower() for row in main.get("attendees", ())}
    added = [row for row in after.get("attendees", ()) if row["email"].lower() not in rows]
    if added:
        body["attendees"] = [*main.get("attendees", ()), *added]
    return [(home, main, world.write(home, seen_from(body, home)))] if body != main else []


def link(event_id: str, calendar: Calendar) -> str:
    """The address under which Google would show the event."""
    eid = base64.urlsafe_b64encode(f"{event_id} {calendar.id}".encode()).decode().rstrip("=")
    return f"https://www.google.com/calendar/event?eid={eid}"


def _answer(body: Json, calendar: Calendar) -> Json | None:
    row = row_of(body, calendar.id)
    if row is None:
        return None
    answer = {key: row[key] for key in _ANSWER if key in row}
    # A guest who deletes their copy has declined.
    return {**answer, "responseStatus": "declined"} if body.get("status") == "cancelled" else answer


def _place(world: World, home: Calendar, guest: Calendar, before: Json | None, after: Json) -> None:
    known = guest.records.get(after["id"])
    if known is None:
        world.write(guest, _copy(world, guest, after))
        _place_exceptions(world, home, guest, after)
        return
    if _other(known.body, after) or _removed_by_guest(known, after, guest):
        return
    body = _renewed(world, guest, known.body, before, after)
    if body != known.body:
        world.write(guest, body)


def _place_exceptions(world: World, home: Calendar, guest: Calendar, master: Json) -> None:
    for record in home.exceptions(master["id"]):
        if record.cancelled:
            _withdraw(world, guest, record.body)
        elif guest.id in addresses(record.body):
            _place(world, home, guest, None, record.body)


def _withdraw(world: World, guest: Calendar, after: Json) -> None:
    known = guest.records.get(after["id"])
    master = guest.records.get(after.get("recurringEventId") or "")
    if known is not None and not known.cancelled and not _other(known.body, after):
        world.write(guest, {**known.body, "status": "cancelled"})
    elif known is None and master is not None and not master.cancelled and not _other(master.body, after):
        world.write(guest, {**_copy(world, guest, after), "status": "cancelled"})


def _copy(world: World, guest: Calendar, after: Json) -> Json:
    body = {key: value for key, value in after.items() if key not in {*_PRIVATE, *_OWN}}
    body["created"] = after.get("created", "")
    body["htmlLink"] = link(after["id"], guest)
    body["reminders"] = {"useDefault": True}
    return _localised(body, guest, world, {})


def _renewed(world: World, guest: Calendar, known: Json, before: Json | None, after: Json) -> Json:
    """The guest's copy with what changed on the main copy; their own edits of other fields stay."""
    body = dict(known)
    for key in dict.fromkeys([*(before or {}), *after]):
        unchanged = before is not None and before.get(key) == after.get(key)
        if key in {*_PRIVATE, *_OWN} or (unchanged and not (key == "attendees" and _shows_more(known, after))):
            continue
        if key in after:
            body[key] = after[key]
        else:
            body.pop(key, None)
    return _localised({**body, "status": after["status"]}, guest, world, known)


def _localised(body: Json, guest: Calendar, world: World, known: Json) -> Json:
    home = world.calendars.get(body["organizer"]["email"], guest)
    for name in ("start", "end", "originalStartTime"):
        if name in body:
            body[name] = _in_zone(body[name], guest, home)
    _keep_private_properties(body, known)
    return seen_from(_among_guests(body, guest), guest)


def _among_guests(body: Json, guest: Calendar) -> Json:
    """The copy of a guest who cannot see the others holds their own row and the organizer's alone."""
    body.pop("attendeesOmitted", None)
    if body.get("guestsCanSeeOtherGuests", True) or "attendees" not in body:
        return body
    seen = {guest.id.lower(), _organizer(body).lower()}
    rows = [row for row in body["attendees"] if row["email"].lower() in seen]
    return {**body, "attendees": rows, "attendeesOmitted": True}


def _shows_more(known: Json, after: Json) -> bool:
    return bool(known.get("attendeesOmitted")) and bool(after.get("guestsCanSeeOtherGuests", True))


def _in_zone(when: Json, guest: Calendar, home: Calendar) -> Json:
    try:
        return in_zone(when, guest.zone, home.zone)
    except (KeyError, TypeError, ValueError, OverflowError):
        return when  # one put in raw, whose times cannot be read


def _keep_private_properties(body: Json, known: Json) -> None:
    shared = body.get("extendedProperties", {}).get("shared")
    private = known.get("extendedProperties", {}).get("private")
    groups = {name: pairs for name, pairs in (("private", private), ("shared", shared)) if pairs}
    if groups:
        body["extendedProperties"] = groups
    else:
        body.pop("extendedProperties", None)


def _other(known: Json, after: Json) -> bool:
    """True if the guest has an unrelated event under the same id."""
    return (known.get("iCalUID"), _organizer(known)) != (after.get("iCalUID"), _organizer(after))


def _organizer(body: Json) -> str:
    organizer = body.get("organizer")
    return str(organizer.get("email", "")) if isinstance(organizer, dict) else ""


def _removed_by_guest(known: Record, after: Json, guest: Calendar) -> bool:
    row = row_of(after, guest.id) or {}
    return known.cancelled and row.get("responseStatus") == "declined"
