"""The Calendar API for handlers that call it themselves: `script.Calendar.events.list(calendar_id, options, headers)`.

Authority: https://developers.google.com/apps-script/advanced/calendar
As in Apps Script: first the resource, then the path's parameters in the order of the URL, then the query's, then the
headers. Answers are plain mappings. Errors are CalendarApiError; what brought no answer at all is Later, OutcomeUnknown
or Revoked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from functions.script import context, quota
from functions.script.errors import BadArgument, QuotaExceeded
from functions.script.project import Project

Resource = Mapping[str, Any]
Options = Mapping[str, Any] | None
Headers = Mapping[str, str] | None
Answer = dict[str, Any]

EVERYTHING = ("*",)


class NoteOwnWrite(Protocol):
    """Hears of every event that a script has written, so that its echo is known as one. Never raises."""

    def __call__(self, project: Project, user: str, calendar_id: str, event: Resource, fields: Sequence[str]) -> None:
        """`event` is the API's answer, or id and status of a deleted one; `fields` are those that were written."""


class BeforeMove(Protocol):
    """Looks at an event before it is moved; what comes back is called once it has been. Neither ever raises."""

    def __call__(
        self, project: Project, user: str, calendar_id: str, event_id: str, destination: str
    ) -> Callable[[], None]:
        """`destination` is the calendar that it is moved to."""


class Collection:
    """A collection of the API; `api_name` is its name there."""

    api_name: str

    def _call(
        self, method: str, path: Mapping[str, str], options: Options, headers: Headers, body: Resource | None = None
    ) -> Answer:
        """Call the method as the effective user. Raises NotRunning, NoUser, BadArgument, CalendarApiError."""
        name = f"Calendar.{self.api_name}.{method}"
        _check(name, path, options, headers)
        given = {key: value for key, value in (options or {}).items() if value is not None}
        return context.project().api.call(
            context.user(), f"{self.api_name}.{method}", path, body=body, options=given, headers=headers
        )


class Events(Collection):
    """`Calendar.Events`."""

    api_name = "events"

    def __init__(self, note: NoteOwnWrite, before_move: BeforeMove) -> None:
        self._note = note
        self._before_move = before_move

    def list(self, calendar_id: str, options: Options = None, headers: Headers = None) -> Answer:
        """One page of a calendar's events. An error's `token_invalid` says that the sync token is used up."""
        return self._call("list", {"calendarId": calendar_id}, options, headers)

    def get(self, calendar_id: str, event_id: str, options: Options = None, headers: Headers = None) -> Answer:
        """One event."""
        return self._call("get", {"calendarId": calendar_id, "eventId": event_id}, options, headers)

    def instances(self, calendar_id: str, event_id: str, options: Options = None, headers: Headers = None) -> Answer:
        """One page of a series' occurrences."""
        return self._call("instances", {"calendarId": calendar_id, "eventId": event_id}, options, headers)

    def insert(self, resource: Resource, calendar_id: str, options: Options = None, headers: Headers = None) -> Answer:
        """Make an event. Raises QuotaExceeded under the profile."""
        _spend()
        return self._write("insert", {"calendarId": calendar_id}, options, headers, resource)

    def import_(self, resource: Resource, calendar_id: str, options: Options = None, headers: Headers = None) -> Answer:
        """Take a private copy of an event that exists elsewhere. Raises QuotaExceeded under the profile."""
        _spend()
        return self._write("import", {"calendarId": calendar_id}, options, headers, resource)

    def quick_add(self, calendar_id: str, text: str, options: Options = None, headers: Headers = None) -> Answer:
        """Make an event out of a sentence. Raises QuotaExceeded under the profile."""
        _spend()
        return self._write("quickAdd", {"calendarId": calendar_id}, {**(options or {}), "text": text}, headers)

    def update(
        self, resource: Resource, calendar_id: str, event_id: str, options: Options = None, headers: Headers = None
    ) -> Answer:
        """Replace an event; with the header If-Match only if it is at that etag."""
        path = {"calendarId": calendar_id, "eventId": event_id}
        return self._write("update", path, options, headers, resource)

    def patch(
        self, resource: Resource, calendar_id: str, event_id: str, options: Options = None, headers: Headers = None
    ) -> Answer:
        """Change only what the resource names; with the header If-Match only if the event is at that etag."""
        path = {"calendarId": calendar_id, "eventId": event_id}
        return self._write("patch", path, options, headers, resource)

    def move(
        self, calendar_id: str, event_id: str, destination: str, options: Options = None, headers: Headers = None
    ) -> Answer:
        """Give an event another organizer's calendar. The answer says cancelled, though the move worked.

        How it stands at its destination, only a look there tells. The event is read before, so that its echoes are
        known.
        """
        path = {"calendarId": calendar_id, "eventId": event_id}
        _check("Calendar.events.move", {**path, "destination": destination}, options, headers)
        moved = self._before_move(context.project(), context.user(), calendar_id, event_id, destination)
        answer = self._call("move", path, {**(options or {}), "destination": destination}, headers)
        moved()
        return answer

    def remove(self, calendar_id: str, event_id: str, options: Options = None, headers: Headers = None) -> None:
        """Delete an event."""
        note = self._noting(calendar_id)
        self._call("delete", {"calendarId": calendar_id, "eventId": event_id}, options, headers)
        note({"id": event_id, "status": "cancelled"}, EVERYTHING)

    def _write(
        self, method: str, path: Mapping[str, str], options: Options, headers: Headers, body: Resource | None = None
    ) -> Answer:
        note = self._noting(path["calendarId"])
        written = self._call(method, path, options, headers, body)
        # A patch leaves alone what it does not name; every other write replaces the event as a whole.
        note(written, tuple(body or ()) if method == "patch" else EVERYTHING)
        return written

    def _noting(self, calendar_id: str) -> Callable[[Resource, Sequence[str]], None]:
        # Asked for before the write: what was done is noted, though the run's time be over by then.
        return partial(self._note, context.project(), context.user(), calendar_id)


def _spend() -> None:
    project = context.project()
    refusal = QuotaExceeded(QuotaExceeded.CALENDAR)
    quota.spend(project, context.user(), "events created", project.limits.events_created, refusal)


def _check(method: str, path: Mapping[str, str], options: Options, headers: Headers) -> None:
    given = [*path.values(), options, headers]
    fits = all(isinstance(value, str) and value for value in path.values())
    if not fits or not all(isinstance(part, Mapping | None) for part in (options, headers)):
        raise BadArgument(method, [type(value).__name__ for value in given])
