"""A script's own move of an event: what it leaves behind and what it brings, known for its own on both calendars.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference/events/move
The answer to a move says cancelled, and nothing of the event at its destination; what a look there showed might be
somebody's edit already. So the event is read before, with its exceptions: what is then seen of it on either calendar is
the move's doing as long as it says the same, but for whose copy it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import structlog

from conference.errors import LockstepError
from functions.script import resource as resources
from functions.script.errors import CalendarApiError
from functions.script.noting import followed, own_write, real_id
from functions.script.project import Project
from functions.script.resource import Resource
from functions.script.snapshot import OwnWrite

log = structlog.get_logger(__name__)

Remember = Callable[[], None]


def before_move(project: Project, user: str, calendar_id: str, event_id: str, destination: str) -> Remember:
    """Look at an event that is to be moved; what comes back is to be called once it has been. Neither ever raises.

    An event that cannot be read, or whose move cannot be noted, comes back as a change like others.
    """
    source, target = real_id(user, calendar_id), real_id(user, destination)
    try:
        if not any(followed(project.ground, user, calendar) for calendar in (source, target)):
            return lambda: None
        found = _with_exceptions(project, user, calendar_id, event_id)
    except (LockstepError, CalendarApiError) as error:
        log.info("own move not foreseen", error=type(error).__name__)
        return lambda: None
    return partial(_note, project, user, source, target, found)


def _with_exceptions(project: Project, user: str, calendar_id: str, event_id: str) -> list[Resource]:
    """The event; of a series its exceptions too, which are moved along."""
    path = {"calendarId": calendar_id}
    event = project.api.call(user, "events.get", {**path, "eventId": event_id})
    if not event.get("recurrence"):
        return [event]
    options: Mapping[str, Any] = {"iCalUID": event.get("iCalUID"), "showDeleted": True}
    found: list[Resource] = [event]
    page: str | None = None
    while True:
        answer = project.api.call(user, "events.list", path, options={**options, "pageToken": page})
        found += [one for one in answer.get("items", []) if one.get("recurringEventId") == event_id]
        page = answer.get("nextPageToken")
        if not page:
            return found


def _note(project: Project, user: str, source: str, destination: str, found: list[Resource]) -> None:
    """Remember what the move leads to, on both calendars: a tombstone at the source, or a guest's copy."""
    try:
        for event in found:
            name, gone = str(event["id"]), OwnWrite(None, ())
            copy = gone if resources.cancelled(event) else OwnWrite(None, (), resources.content(event, destination))
            own_write(project.ground, user, destination, name, copy)
            own_write(project.ground, user, source, name, copy if resources.invited(event, source) else gone)
    except LockstepError as error:
        log.warning("own move not noted", error=str(error))
