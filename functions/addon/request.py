"""What Google Workspace sends: read leniently, since its documents disagree, and believed only once it is verified.

Authority: https://developers.google.com/workspace/add-ons/concepts/event-objects
A field that is absent, of another type or too long is taken as not sent. The user is never read from here but from
the identity token that is inside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from conference.decoding import from_json
from conference.errors import UNDECODABLE, Poison
from conference.solution import PARAMETER

MAX_CALENDAR = 320
MAX_EVENT = 1024
MAX_TOKEN = 8192
HOUR_MS = 3_600_000

_object = from_json(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Ask:
    """What one request says."""

    calendar: str | None = None
    event: str | None = None
    """The event, or the series if one occurrence is open."""
    zone: str = "UTC"
    """The user's time zone, by its IANA name."""
    provider: str | None = None
    """The provider of ours whose conference the open event carries."""
    writable: bool = True
    """False if the user may not set the event's conference."""
    scopes: frozenset[str] | None = None
    """What the user has granted; None if the request does not tell, as where everything had to be granted at once."""
    user_token: str | None = field(default=None, repr=False)


def read(body: bytes) -> Ask:
    """What the body of a verified request says. Raises Poison if it is no JSON object."""
    try:
        told = _object(body)
    except UNDECODABLE:
        # Without cause: it may quote what was sent.
        raise Poison("the request's body is no JSON object") from None
    common, grant = _part(told, "commonEventObject"), _part(told, "authorizationEventObject")
    event, data = _part(told, "calendar"), _part(told, "eventData")
    return Ask(
        calendar=_text(event, "calendarId", MAX_CALENDAR) or _text(data, "calendarId", MAX_CALENDAR),
        event=_text(event, "recurringEventId", MAX_EVENT)
        or _text(event, "id", MAX_EVENT)
        or _text(data, "eventId", MAX_EVENT),
        zone=_zone(_part(common, "timeZone")),
        provider=_provider(_part(event, "conferenceData")),
        writable=_part(event, "capabilities").get("canSetConferenceData") is not False,
        scopes=_scopes(grant.get("authorizedScopes")),
        user_token=_text(grant, "userIdToken", MAX_TOKEN),
    )


def _part(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = told.get(name)
    return value if isinstance(value, dict) else {}


def _text(told: Mapping[str, Any], name: str, most: int) -> str | None:
    value = told.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= most else None


def _scopes(value: object) -> frozenset[str] | None:
    return frozenset(one for one in value if isinstance(one, str)) if isinstance(value, list) else None


def _provider(conference: Mapping[str, Any]) -> str | None:
    """The name in our own parameter: inside `parameters`, as in the API, or right below, as the add-ons' pages say."""
    told = _part(_part(conference, "parameters"), "addOnParameters")
    return _text(_part(told, "parameters"), PARAMETER, 1024) or _text(told, PARAMETER, 1024)


def _zone(told: Mapping[str, Any]) -> str:
    name = _text(told, "id", 100)
    if name is not None and _is_zone(name):
        return name
    hours, rest = divmod(_offset(told.get("offset")), HOUR_MS)
    # POSIX names have the other sign: Etc/GMT-2 is two hours east of Greenwich.
    fixed = f"Etc/GMT{-hours:+d}"
    return fixed if hours and not rest and _is_zone(fixed) else "UTC"


def _offset(value: object) -> int:
    """Milliseconds east of Greenwich: a text on one page of Google's, a number in the published schema."""
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and value.isascii() and len(value) < 12:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
