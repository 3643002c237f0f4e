"""calendarList.*: the calendars that a user has on their list, and how they want to see them.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference/calendarList (contract 11)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from infra.local.calendar.access import at_least
from infra.local.calendar.calendar import Calendar
from infra.local.calendar.call import Call
from infra.local.calendar.collection import Entry, list_of, rules_of
from infra.local.calendar.colors import CALENDAR_COLORS, FOREGROUND, nearest, read_color
from infra.local.calendar.errors import ApiError, invalid, not_found, required
from infra.local.calendar.lists import answered, check_beside_token, listed
from infra.local.calendar.merging import merged
from infra.local.calendar.messages import Json, Response, no_content
from infra.local.calendar.shape import without_nulls

CONFERENCES = {"allowedConferenceSolutionTypes": ["hangoutsMeet"]}
_OWN_REMINDERS = [{"method": "popup", "minutes": 10}]
_USUAL_COLOR = "14"
_NOTICES = ("eventCreation", "eventChange", "eventCancellation", "eventResponse", "agenda")


def get_entry(call: Call) -> Response:
    """calendarList.get: a calendar as it stands on the caller's list; 404 if it does not."""
    calendar, entry = _mine(call)
    return answered(call, _shown(call, calendar, entry))


def list_entries(call: Call) -> Response:
    """calendarList.list: the caller's calendars, primary first."""
    check_beside_token(
        call, never=("minAccessRole", "showOwnOrganizationOnly"), not_false=("showDeleted", "showHidden")
    )
    collection = call.world.collection(list_of(call.user))
    return listed(
        call, collection, "calendar#calendarList", lambda entry: _row(call, entry), lambda entry: entry.id == call.user
    )


def insert(call: Call) -> Response:
    """calendarList.insert: puts a calendar to which the caller has access onto their list, or changes it there."""
    calendar_id = call.body.get("id")
    if not calendar_id:
        raise required(location="id")
    calendar = call.calendar_of(calendar_id)
    if calendar is None:
        raise not_found()
    known = call.world.collection(list_of(call.user)).get(calendar.id)
    return _write(call, calendar, merged(known.value if known else {"selected": True}, _wanted(call)))


def patch(call: Call) -> Response:
    """calendarList.patch: changes what is the user's own about a calendar on their list."""
    calendar, entry = _mine(call)
    call.check_if_match(_shown(call, calendar, entry)["etag"])
    return _write(call, calendar, merged(entry.value, _wanted(call)))


def update(call: Call) -> Response:
    """calendarList.update: replaces what is the user's own; a colour that is not sent stays."""
    calendar, entry = _mine(call)
    call.check_if_match(_shown(call, calendar, entry)["etag"])
    kept = {name: value for name, value in entry.value.items() if name in {"colorId", *_RGB}}
    return _write(call, calendar, merged(kept, _wanted(call)))


def delete(call: Call) -> Response:
    """calendarList.delete: unsubscribes, but not from one's primary calendar or one of which one is data owner."""
    calendar, entry = _mine(call)
    if calendar.about.primary and calendar.id == call.user:
        raise ApiError(
            403, "cannotChangeOwnPrimarySubscription", "Cannot change own primary subscription.", domain="calendar"
        )
    if calendar.about.owner == call.user:
        message = "The data owner of a calendar cannot remove such a calendar from their calendar list."
        raise ApiError(403, "cannotUnsubscribeFromOwnedCalendar", message, domain="calendar")
    call.check_if_match(_shown(call, calendar, entry)["etag"])
    call.world.change(list_of(call.user), calendar.id, entry.value, gone=True)
    return no_content()


def _mine(call: Call) -> tuple[Calendar, Entry]:
    calendar = call.calendar()
    entry = call.world.collection(list_of(call.user)).get(calendar.id)
    if entry is None:
        raise not_found()
    return calendar, entry


# ---- what is written

_RGB = ("backgroundColor", "foregroundColor")
_OWN = ("colorId", *_RGB, "hidden", "selected", "summaryOverride", "defaultReminders", "notificationSettings")


def _wanted(call: Call) -> Json:
    """The fields of the body that are the user's own, checked. Raises ApiError 400."""
    wanted = {name: call.body[name] for name in _OWN if name in call.body}
    if not call.parameters.get("colorRgbFormat"):
        # The palette's number decides, and takes the place of colours set by hand.
        wanted = {name: value for name, value in wanted.items() if name not in _RGB}
        if "colorId" in wanted:
            wanted |= dict.fromkeys(_RGB)
    else:
        wanted.pop("colorId", None)
    for name, check in _CHECKS.items():
        if wanted.get(name) is not None:
            wanted[name] = check(without_nulls(wanted[name]))
    if wanted.get("backgroundColor"):
        wanted["colorId"] = nearest(wanted["backgroundColor"])
    return wanted


def _color_id(color: str) -> str:
    if color not in CALENDAR_COLORS:
        raise invalid("Invalid color id.", "colorId")
    return color


def _reminders(rows: list[Json]) -> list[Json]:
    for row in rows:
        if row.get("method") not in {"email", "popup"} or not 0 <= row.get("minutes", -1) <= 40_320:
            raise invalid("Invalid reminders.", "defaultReminders")
    if len(rows) > 5:
        raise invalid("Invalid reminders.", "defaultReminders")
    return rows


def _notifications(settings: Json) -> Json:
    for row in settings.get("notifications") or ():
        if row.get("method") != "email" or row.get("type") not in _NOTICES:
            raise invalid("Invalid notification settings.", "notificationSettings")
    return settings


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "colorId": _color_id,
    "backgroundColor": lambda text: read_color(text, "backgroundColor"),
    "foregroundColor": lambda text: read_color(text, "foregroundColor"),
    "defaultReminders": _reminders,
    "notificationSettings": _notifications,
}


def _write(call: Call, calendar: Calendar, value: Json) -> Response:
    name = list_of(call.user)
    known = call.world.collection(name).get(calendar.id)
    changed = known is None or known.value != value
    entry = call.world.change(name, calendar.id, value) if changed or known is None else known
    return answered(call, _shown(call, calendar, entry))


# ---- what is shown


def _row(call: Call, entry: Entry) -> Json | None:
    """An entry of the list, if the request asks for such."""
    given, told = call.parameters, "syncToken" in call.parameters
    calendar = call.calendar_of(entry.id)
    if entry.gone or calendar is None:
        return _deleted(call, entry, calendar) if told or given.get("showDeleted") else None
    if entry.value.get("hidden") and not (told or given.get("showHidden")):
        return None
    if not at_least(call.role(calendar), given.get("minAccessRole", "freeBusyReader")):
        return None
    if given.get("showOwnOrganizationOnly") and _domain(calendar.about.owner) != _domain(call.user):
        return None
    return _shown(call, calendar, entry)


def _domain(address: str) -> str:
    return address.partition("@")[2]


def _deleted(call: Call, entry: Entry, calendar: Calendar | None) -> Json:
    """An entry that is gone; nothing of a calendar to which the user has no access any more."""
    if calendar is None:
        etag = f'"{2 * entry.stamp}"'
        return {"kind": "calendar#calendarListEntry", "etag": etag, "id": entry.id, "deleted": True}
    return {**_shown(call, calendar, entry), "deleted": True}


def _shown(call: Call, calendar: Calendar, entry: Entry) -> Json:
    about, value = calendar.about, entry.value
    color = value.get("colorId", _USUAL_COLOR)
    reminders = _OWN_REMINDERS if about.owner == call.user and about.primary else []
    optional = {
        "description": about.description,
        "location": about.location,
        "summaryOverride": value.get("summaryOverride"),
        "hidden": value.get("hidden"),
        "selected": value.get("selected"),
        "notificationSettings": value.get("notificationSettings"),
        "primary": about.primary and calendar.id == call.user,
        "dataOwner": None if about.primary else about.owner,
    }
    return {
        "kind": "calendar#calendarListEntry",
        "etag": _etag(call, calendar, entry),
        "id": calendar.id,
        "summary": about.summary,
        "timeZone": about.zone,
        "colorId": color,
        "backgroundColor": value.get("backgroundColor") or CALENDAR_COLORS[color],
        "foregroundColor": value.get("foregroundColor") or FOREGROUND,
        "accessRole": call.role(calendar),
        "defaultReminders": value.get("defaultReminders", reminders),
        "conferenceProperties": CONFERENCES,
        **{name: shown for name, shown in optional.items() if shown},
    }


def _etag(call: Call, calendar: Calendar, entry: Entry) -> str:
    """The version of everything that an entry shows: its own, the calendar's, and the rules its role follows from."""
    rules = call.world.collection(rules_of(calendar.id)).newest()
    return f'"{2 * max(entry.stamp, calendar.about.changed, rules)}"'
