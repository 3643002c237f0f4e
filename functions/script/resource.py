"""An event as Google's JSON tells it, whole: what differs between two states of it, what happened, who wants to know.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference/events
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from conference.decoding import from_json, from_plain
from conference.errors import UNDECODABLE
from conference.event import Event
from conference.solution import Solution, provider_of
from functions.script.changes import Filters, Kind

VERSIONS = frozenset({"etag", "updated", "sequence", "kind"})
"""What servers count: it differs after every write, and says nothing by itself."""

OF_A_COPY = frozenset({"organizer", "htmlLink", "reminders", "colorId", "transparency"})
"""What a move gives an event anew, or leaves to whoever had a copy."""

DERIVED = frozenset({"hangoutLink"})
"""What the server writes when something else is written."""

Resource = Mapping[str, Any]

_object = from_json(dict[str, Any])
_event = from_plain(Event)


def read(text: str | bytes) -> dict[str, Any] | None:
    """The resource in a JSON text; None if it is none that can be told by its id."""
    try:
        found = _object(text)
    except UNDECODABLE:
        return None
    return found if isinstance(found.get("id"), str) and found["id"] else None


def cancelled(resource: Resource) -> bool:
    """True for a tombstone."""
    return resource.get("status") == "cancelled"


def wished(resource: Resource) -> tuple[object, object]:
    """Which conference the event's conference data asks for: the solution, and the add-on's parameters."""
    conference = resource.get("conferenceData")
    data = conference if isinstance(conference, dict) else {}
    return data.get("conferenceSolution"), data.get("parameters")


def differing(before: Resource | None, after: Resource) -> frozenset[str]:
    """The names of the fields that differ, versions apart; of a tombstone only its status is news."""
    if before is None:
        return frozenset(after) - VERSIONS
    if cancelled(after):
        return frozenset() if cancelled(before) else frozenset({"status"})
    names = (before.keys() | after.keys()) - VERSIONS
    return frozenset(name for name in names if _plain(before, name) != _plain(after, name))


def content(resource: Resource, organizer: str | None = None) -> str:
    """What stands for all that an event says, whosever copy it is; `organizer`: as it will say under this one."""
    names = resource.keys() - VERSIONS - DERIVED - OF_A_COPY
    said = {name: _impartial(name, _plain(resource, name)) for name in names}
    told = resource.get("organizer")
    said["organizer"] = (organizer or str(told.get("email") if isinstance(told, dict) else None)).lower()
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]


def invited(resource: Resource, calendar: str) -> bool:
    """True if the calendar is one of the event's guests, so that it keeps a copy whoever organizes it."""
    rows = resource.get("attendees")
    return isinstance(rows, list) and any(
        isinstance(row, dict) and str(row.get("email")).lower() == calendar.lower() for row in rows
    )


def kind(before: Resource | None, after: Resource, *, born: bool) -> Kind:
    """What happened between the two; `born`: it was never seen before, because it did not exist."""
    if cancelled(after):
        return Kind.CANCELLED
    return Kind.CREATED if born or (before is not None and cancelled(before)) else Kind.UPDATED


def wanted(
    filters: Filters, solutions: tuple[Solution, ...], before: Resource | None, after: Resource, fields: frozenset[str]
) -> bool:
    """True if a trigger with these filters is to hear of the change."""
    states = [state for state in (before, after) if state is not None and not _bare(state)]
    if filters.solutions and not any(_solutions(state, solutions).intersection(filters.solutions) for state in states):
        return False
    if filters.event_types and not any(state.get("eventType", "default") in filters.event_types for state in states):
        return False
    # A bare tombstone of an event never seen does not say whose it was.
    if filters.own_copies and states and not any(map(_own_copy, states)):
        return False
    update = before is not None and not cancelled(before) and not cancelled(after)
    return not (filters.fields and update) or bool(fields.intersection(filters.fields))


def instant(resource: Resource, name: str) -> float | None:
    """When the resource says that it was `created` or `updated`, in seconds since the epoch."""
    try:
        told = datetime.fromisoformat(str(resource.get(name)))
    except ValueError:
        return None
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()


def ends(resource: Resource) -> float | None:
    """About when it is over, in seconds since the epoch; None if never, or if that cannot be told."""
    end = resource.get("end")
    if resource.get("recurrence") or not isinstance(end, dict):
        return None
    try:
        told = datetime.fromisoformat(str(end.get("dateTime") or end.get("date")))
    except ValueError:
        return None
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()


def _plain(resource: Resource, name: str) -> Any:
    value = resource.get(name)
    if name == "conferenceData" and isinstance(value, dict):
        # Google's own stamp on the rest.
        return {key: part for key, part in value.items() if key != "signature"}
    return value


def _impartial(name: str, value: Any) -> Any:
    """A field without what depends on whose copy it stands in: who is oneself, and by which zone's clock times are."""
    if name == "attendees" and isinstance(value, list):
        return [_impartial("creator", row) for row in value]
    if name == "creator" and isinstance(value, dict):
        return {part: told for part, told in value.items() if part not in {"self", "organizer"}}
    if name in {"start", "end", "originalStartTime"} and isinstance(value, dict):
        return {**value, "dateTime": instant(value, "dateTime")}
    return value


def _bare(resource: Resource) -> bool:
    return cancelled(resource) and "organizer" not in resource and "start" not in resource


def _own_copy(resource: Resource) -> bool:
    organizer = resource.get("organizer")
    return not isinstance(organizer, dict) or organizer.get("self") is True


def _solutions(resource: Resource, solutions: tuple[Solution, ...]) -> set[str]:
    data = resource.get("conferenceData")
    if not isinstance(data, dict):
        return set()
    solution = data.get("conferenceSolution")
    key = solution.get("key") if isinstance(solution, dict) else None
    found = {key["type"]} if isinstance(key, dict) and isinstance(key.get("type"), str) else set[str]()
    try:
        ours = provider_of(_event({"id": "-", "conferenceData": data}), solutions)
    except UNDECODABLE:
        return found
    return found | {ours} if ours else found
