"""Who an event belongs to and who is invited, as one calendar sees it.

Authority: https://developers.google.com/workspace/calendar/api/concepts/inviting-attendees-to-events (contract 6)
"""

from __future__ import annotations

from infra.local.calendar.calendar import Calendar
from infra.local.calendar.messages import Json


def organizer_of(calendar: Calendar) -> Json:
    """The organizer of an event that is made on this calendar."""
    if calendar.about.primary:
        return {"email": calendar.id}
    return {"email": calendar.id, "displayName": calendar.about.summary}


def organized_by(body: Json, calendar: Calendar) -> bool:
    """True if the calendar holds the event's main copy."""
    organizer = body.get("organizer")
    return isinstance(organizer, dict) and organizer.get("email") == calendar.id


def seen_from(body: Json, calendar: Calendar) -> Json:
    """The event with `self` and `organizer` flags as on this calendar: `self` is relative to it, not to the caller."""
    organizer = body["organizer"]["email"]
    result = {**body, "creator": _marked(body["creator"], calendar), "organizer": _marked(body["organizer"], calendar)}
    if "attendees" in body:
        result["attendees"] = [_attendee(row, organizer, calendar) for row in body["attendees"]]
    return result


def row_of(body: Json, address: str) -> Json | None:
    """The attendee with this address."""
    rows = _rows(body)
    return next((row for row in rows if row["email"].lower() == address.lower()), None)


def addresses(body: Json | None) -> list[str]:
    """The addresses of everyone invited, in the order of the list."""
    return [row["email"].lower() for row in _rows(body or {})]


def _rows(body: Json) -> list[Json]:
    # An event put in raw may hold anything here.
    rows = body.get("attendees")
    known = rows if isinstance(rows, list) else []
    return [row for row in known if isinstance(row, dict) and isinstance(row.get("email"), str)]


def _marked(person: Json, calendar: Calendar) -> Json:
    kept = {key: value for key, value in person.items() if key != "self"}
    return {**kept, "self": True} if person.get("email", "").lower() == calendar.id.lower() else kept


def _attendee(row: Json, organizer: str, calendar: Calendar) -> Json:
    marked = _marked(row, calendar)
    marked.pop("organizer", None)
    return {**marked, "organizer": True} if row.get("email") == organizer else marked
