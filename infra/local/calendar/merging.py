"""How a patch changes an event, and what of a body may be written at all.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference/events/patch
(contract 1.1.8, 7.4, 7.6, 7.11, 7.13)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from infra.local.calendar.messages import Json
from infra.local.calendar.shape import without_nulls

WRITABLE = (
    *("status", "summary", "description", "location", "colorId", "start", "end", "endTimeUnspecified", "recurrence"),
    *("transparency", "visibility", "sequence", "attendees", "conferenceData", "anyoneCanAddSelf"),
    *("guestsCanInviteOthers", "guestsCanModify", "guestsCanSeeOtherGuests", "reminders", "source", "attachments"),
    *("extendedProperties", "eventType", "gadget", "eventLabelId", "birthdayProperties", "focusTimeProperties"),
    *("outOfOfficeProperties", "workingLocationProperties"),
)

GUEST_FLAGS = ("guestsCanInviteOthers", "guestsCanModify", "guestsCanSeeOtherGuests", "anyoneCanAddSelf")

_DEFAULTS: Mapping[str, Any] = {
    "transparency": "opaque",
    "visibility": "default",
    "guestsCanInviteOthers": True,
    "guestsCanModify": False,
    "guestsCanSeeOtherGuests": True,
    "anyoneCanAddSelf": False,
    "endTimeUnspecified": False,
}


def written(body: Json, parameters: Mapping[str, Any]) -> Json:
    """The part of a request's body that is written: no read-only field, and what needs a parameter only with it."""
    kept = {name: body[name] for name in WRITABLE if name in body}
    if parameters.get("conferenceDataVersion", 0) < 1:
        kept.pop("conferenceData", None)
    if not parameters.get("supportsAttachments"):
        kept.pop("attachments", None)
    if kept.get("description"):
        kept["description"] = _without_conference_blocks(kept["description"])
    return kept


_CONFERENCE_DELIMITER = re.compile(r"-::~:~::[:~]*-?")


def _without_conference_blocks(description: str) -> str:
    """The text without what stands between two of Google's own conference delimiters, nor these (contract 7.13)."""
    found = list(_CONFERENCE_DELIMITER.finditer(description))
    starts, ends = found[: len(found) // 2 * 2 : 2], found[1::2]
    cuts = [0, *(place for pair in zip(starts, ends, strict=True) for place in (pair[0].start(), pair[1].end()))]
    kept = zip(cuts[::2], [*cuts[1::2], len(description)], strict=True)
    return "".join(description[begin:end] for begin, end in kept)


def merged(current: Json, patch: Json) -> Json:
    """Objects merge key by key, null removes, everything else (arrays too) is replaced."""
    result = dict(current)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            known = current.get(key)
            result[key] = merged(known if isinstance(known, dict) else {}, value)
        else:
            result[key] = without_nulls(value)
    return result


def without_defaults(event: Json) -> Json:
    """The event without fields that are empty or at their defaults: Google leaves these out (contract 1.1.8)."""
    return {
        key: value
        for key, value in event.items()
        if not (value in ("", [], {}) or (key in _DEFAULTS and value == _DEFAULTS[key]))
    }
