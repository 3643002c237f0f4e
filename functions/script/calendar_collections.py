"""What the Calendar API holds besides events, and the one name under which scripts find all of it.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference
"""

from __future__ import annotations

from functions.script.calendar_service import Answer, Collection, Events, Headers, Options, Resource
from functions.script.moving import before_move
from functions.script.noting import note_own_write


class CalendarList(Collection):
    """`Calendar.CalendarList`: the calendars that the user sees."""

    api_name = "calendarList"

    def list(self, options: Options = None, headers: Headers = None) -> Answer:
        """One page of them."""
        return self._call("list", {}, options, headers)

    def get(self, calendar_id: str, options: Options = None, headers: Headers = None) -> Answer:
        """One of them."""
        return self._call("get", {"calendarId": calendar_id}, options, headers)

    def insert(self, resource: Resource, options: Options = None, headers: Headers = None) -> Answer:
        """Show one that exists."""
        return self._call("insert", {}, options, headers, resource)

    def patch(self, resource: Resource, calendar_id: str, options: Options = None, headers: Headers = None) -> Answer:
        """Change how it is shown."""
        return self._call("patch", {"calendarId": calendar_id}, options, headers, resource)

    def update(self, resource: Resource, calendar_id: str, options: Options = None, headers: Headers = None) -> Answer:
        """Replace how it is shown."""
        return self._call("update", {"calendarId": calendar_id}, options, headers, resource)

    def remove(self, calendar_id: str, options: Options = None, headers: Headers = None) -> None:
        """Show it no more."""
        self._call("delete", {"calendarId": calendar_id}, options, headers)


class Calendars(Collection):
    """`Calendar.Calendars`: what belongs to a calendar, whoever looks at it."""

    api_name = "calendars"

    def get(self, calendar_id: str, options: Options = None, headers: Headers = None) -> Answer:
        """A calendar; "primary" comes back with its real id."""
        return self._call("get", {"calendarId": calendar_id}, options, headers)

    def insert(self, resource: Resource, options: Options = None, headers: Headers = None) -> Answer:
        """Make a calendar."""
        return self._call("insert", {}, options, headers, resource)

    def patch(self, resource: Resource, calendar_id: str, options: Options = None, headers: Headers = None) -> Answer:
        """Change only what the resource names."""
        return self._call("patch", {"calendarId": calendar_id}, options, headers, resource)

    def update(self, resource: Resource, calendar_id: str, options: Options = None, headers: Headers = None) -> Answer:
        """Replace what it says of itself."""
        return self._call("update", {"calendarId": calendar_id}, options, headers, resource)

    def remove(self, calendar_id: str, options: Options = None, headers: Headers = None) -> None:
        """Delete a secondary calendar."""
        self._call("delete", {"calendarId": calendar_id}, options, headers)


class Freebusy(Collection):
    """`Calendar.Freebusy`."""

    api_name = "freebusy"

    def query(self, resource: Resource, options: Options = None, headers: Headers = None) -> Answer:
        """When calendars are busy."""
        return self._call("query", {}, options, headers, resource)


class UserSettings(Collection):
    """`Calendar.Settings`: what the user has set in Calendar."""

    api_name = "settings"

    def list(self, options: Options = None, headers: Headers = None) -> Answer:
        """One page of them."""
        return self._call("list", {}, options, headers)

    def get(self, setting: str, options: Options = None, headers: Headers = None) -> Answer:
        """One of them, e.g. "timezone"."""
        return self._call("get", {"setting": setting}, options, headers)


class CalendarService:
    """`Calendar`."""

    def __init__(self, events: Events) -> None:
        self.events = events
        self.calendar_list = CalendarList()
        self.calendars = Calendars()
        self.freebusy = Freebusy()
        self.settings = UserSettings()


Calendar = CalendarService(Events(note_own_write, before_move))
"""The service as scripts find it: it acts as the effective user of the bound project."""
