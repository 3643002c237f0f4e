"""calendars.get, calendarList.list and calendarList.get.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference/calendarList (contract 11)
"""

from __future__ import annotations

from infra.local.calendar.calendar import Calendar
from infra.local.calendar.call import Call, at_least
from infra.local.calendar.errors import token_with_restrictions
from infra.local.calendar.masks import masked, read_mask
from infra.local.calendar.messages import Json, Response, json_value, not_modified
from infra.local.calendar.tokens import PageToken, Scope, fingerprint, read_page_token

_CONFERENCES = {"allowedConferenceSolutionTypes": ["hangoutsMeet"]}


def get_calendar(call: Call) -> Response:
    """calendars.get: what the calendar is, the same for everyone."""
    calendar = call.calendar()
    about = calendar.about
    body: Json = {
        "kind": "calendar#calendar",
        "etag": _etag(calendar),
        "id": calendar.id,
        "summary": about.summary,
        "timeZone": about.zone,
        "conferenceProperties": _CONFERENCES,
        **({"description": about.description} if about.description else {}),
        **({} if about.primary else {"dataOwner": about.owner}),
    }
    return _answer(call, body)


def get_entry(call: Call) -> Response:
    """calendarList.get: the calendar as it stands on the caller's list."""
    return _answer(call, _entry(call.calendar(), call.user))


def list_entries(call: Call) -> Response:
    """calendarList.list: the caller's calendars, primary first, with paging and sync tokens."""
    given, world = call.parameters, call.world
    if "syncToken" in given and ("minAccessRole" in given or given.get("showDeleted") is False):
        raise token_with_restrictions()
    scope = Scope(world.life.id, "calendarList", call.user, 0)
    since = scope.revision(given["syncToken"]) if "syncToken" in given else 0
    parts = {name: str(value) for name, value in given.items() if name not in {"pageToken", "fields"}}
    request = fingerprint(world.life.id, call.user, parts)
    at = read_page_token(given["pageToken"], request) if "pageToken" in given else None
    frozen = at.frozen if at else world.listed
    place = int(at.key[0]) if at and at.key else 0
    size = min(given.get("maxResults", 100), 250)
    entries = _entries(call, since, frozen)
    body: Json = {"kind": "calendar#calendarList", "etag": f'"p3{fingerprint(call.user, world.listed)[:14]}"'}
    if len(entries) > place + size:
        body["nextPageToken"] = PageToken(request, frozen, (place + size,)).text()
    else:
        body["nextSyncToken"] = scope.sync_token(frozen)
    return _answer(call, {**body, "items": entries[place : place + size]})


def _entries(call: Call, since: int, frozen: int) -> list[Json]:
    least = call.parameters.get("minAccessRole", "freeBusyReader")
    found = [
        calendar
        for calendar in call.world.calendars.values()
        if since < calendar.about.listed <= frozen and at_least(calendar.about.role(call.user), least)
    ]
    found.sort(key=lambda calendar: (calendar.id != call.user, calendar.about.listed))
    return [_entry(calendar, call.user) for calendar in found]


def _entry(calendar: Calendar, user: str) -> Json:
    about = calendar.about
    primary = about.primary and calendar.id == user
    return {
        "kind": "calendar#calendarListEntry",
        "etag": _etag(calendar),
        "id": calendar.id,
        "summary": about.summary,
        **({"description": about.description} if about.description else {}),
        "timeZone": about.zone,
        "colorId": "14",
        "backgroundColor": "#9fe1e7",
        "foregroundColor": "#000000",
        "selected": True,
        "accessRole": about.role(user),
        "defaultReminders": [{"method": "popup", "minutes": 10}] if about.owner == user else [],
        **({"primary": True} if primary else {}),
        "conferenceProperties": _CONFERENCES,
        **({} if about.primary else {"dataOwner": about.owner}),
    }


def _etag(calendar: Calendar) -> str:
    return f'"{2 * calendar.about.created}"'


def _answer(call: Call, body: Json) -> Response:
    if call.knows(body["etag"]):
        return not_modified(body["etag"])
    fields = call.parameters.get("fields")
    return json_value(masked(body, read_mask(fields, call.answer) if fields else None), etag=body["etag"])
