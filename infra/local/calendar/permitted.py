"""Which fields of an event its type, and the place of the copy that is written, allow to change.

Authority: https://developers.google.com/workspace/calendar/api/guides/event-types (contract 4.4, 6.11, 7.6)
"""

from __future__ import annotations

from collections.abc import Mapping

from infra.local.calendar.calendar import Calendar
from infra.local.calendar.errors import ApiError, invalid, not_organizer
from infra.local.calendar.merging import GUEST_FLAGS, WRITABLE
from infra.local.calendar.messages import Json
from infra.local.calendar.people import organized_by, row_of

_FLAG_DEFAULTS = {
    "guestsCanInviteOthers": True,
    "guestsCanModify": False,
    "guestsCanSeeOtherGuests": True,
    "anyoneCanAddSelf": False,
}
_ON_PRIMARY_ONLY = ("focusTime", "outOfOffice", "workingLocation")
_BIRTHDAY = ("summary", "colorId", "eventLabelId", "reminders", "start", "end")
_FROM_MAIL = (
    *("colorId", "eventLabelId", "reminders", "visibility", "transparency", "status", "attendees"),
    "extendedProperties",
)
_EDITABLE: Mapping[str, tuple[str, ...]] = {"birthday": _BIRTHDAY, "fromGmail": _FROM_MAIL}
_LOCKED = ("summary", "description", "location", "start", "end", "recurrence")
_STRICTNESS: Mapping[str, int] = {"public": 0, "default": 1, "private": 2, "confidential": 2}


def check_new(event: Json, calendar: Calendar) -> None:
    """Return if an event of this type may be made here. Raises ApiError 400."""
    kind = event.get("eventType", "default")
    if kind in _ON_PRIMARY_ONLY and not calendar.about.primary:
        raise invalid("Events of this type can only be made on primary calendars.")
    if kind == "birthday" and not _is_birthday(event):
        raise invalid("A birthday is a day of every year, private and transparent.")


def check_change(before: Json, wanted: Json, calendar: Calendar, user: str) -> Json:
    """What of the change is written: `wanted`, without what is passed over in silence.

    Raises ApiError 403 where only the organizer may change something or the event is locked, 400 for a field that an
    event of this type keeps for ever.
    """
    changed = {name for name in WRITABLE if wanted.get(name) != before.get(name)}
    if not organized_by(before, calendar):
        _check_guest(before, wanted)
    kept = _EDITABLE.get(before.get("eventType", "default"), WRITABLE)
    if any(wanted.get(name) is not None for name in changed - {*kept}):
        raise invalid("This field of an event of this type cannot be changed.")
    if before.get("locked") and changed & {*_LOCKED}:
        raise ApiError(403, "forbidden", "Forbidden")
    result = dict(wanted)
    if "source" in changed and user != before["creator"].get("email"):
        _put(result, "source", before.get("source"))  # only the creator sees and changes it
    if "recurringEventId" in before and stricter(before, wanted):
        _put(result, "visibility", before.get("visibility"))  # looser on one occurrence: ignored
    return result


def stricter(one: Json, other: Json) -> bool:
    """True if the first event shows less of itself than the second."""
    return _strictness(one) > _strictness(other)


def own_answer(before: Json, wanted: Json, calendar: Calendar) -> Json:
    """What an update with `attendeesOmitted` may change: the participant's own row, nothing else (contract 6.11)."""
    kept = {name: before[name] for name in WRITABLE if name in before}
    mine = row_of(wanted, calendar.id)
    if mine is not None and "attendees" in kept:
        kept["attendees"] = [mine if row is row_of(before, calendar.id) else row for row in kept["attendees"]]
    return kept


def _check_guest(before: Json, wanted: Json) -> None:
    for flag in GUEST_FLAGS:
        default = _FLAG_DEFAULTS[flag]
        if wanted.get(flag, default) != before.get(flag, default):
            raise not_organizer()


def _is_birthday(event: Json) -> bool:
    yearly = any(line.upper().startswith("RRULE:FREQ=YEARLY") for line in event.get("recurrence") or ())
    hidden = (event.get("visibility"), event.get("transparency")) == ("private", "transparent")
    return yearly and hidden and "date" in (event.get("start") or {})


def _strictness(event: Json) -> int:
    return _STRICTNESS.get(event.get("visibility") or "default", 1)


def _put(event: Json, name: str, value: object) -> None:
    if value is None:
        event.pop(name, None)
    else:
        event[name] = value
