"""What people do with the Calendar server: one method for each request they need, without any client between.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference/events
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from infra.local.calendar.messages import Json, Request
from infra.local.calendar.server import BASE, CalendarServer

COUNTED = frozenset({"conferenceData", "hangoutLink", "etag", "updated", "created", "sequence", "htmlLink"})
"""Of an event, the conference and what servers count: all else is people's own."""

_PLAIN = {"prettyPrint": ["false"]}
_WRITING = {**_PLAIN, "conferenceDataVersion": ["1"]}

_encode = msgspec.json.Encoder().encode
_read = msgspec.json.Decoder(dict[str, Any]).decode


class Denied(Exception):
    """The server refused what a person did."""


def own_fields(event: Mapping[str, Any]) -> Json:
    """What of an event as read is people's own: everything but its conference and what servers count."""
    return {name: value for name, value in event.items() if name not in COUNTED}


def put_raw(server: CalendarServer, calendar: str, event: Json) -> None:
    """Put an event onto a calendar as it is, as other programs have managed to. Raises Denied."""
    body = _encode({"calendarId": calendar, "event": event})
    answer = server.handle(Request("POST", "/control/events", body=body))
    if answer.status != 200:
        raise Denied(f"raw event: {answer.status}")


@dataclass(frozen=True, slots=True)
class CalendarUser:
    """One person with a calendar. Every method but `get` raises Denied for what the server refuses."""

    server: CalendarServer
    email: str

    def get(self, calendar: str, event: str) -> Json | None:
        """The event, cancelled ones too; None if there is none."""
        status, answer = self._send("GET", _path(calendar, event), _PLAIN)
        return answer if status == 200 else None

    def insert(self, calendar: str, body: Json) -> Json:
        """Make an event."""
        return self._done("POST", _path(calendar), _WRITING, body)

    def import_(self, calendar: str, body: Json) -> Json:
        """Take over an event that lives elsewhere."""
        return self._done("POST", _path(calendar, "import"), _WRITING, body)

    def patch(self, calendar: str, event: str, body: Json) -> Json:
        """Change an event."""
        return self._done("PATCH", _path(calendar, event), _WRITING, body)

    def delete(self, calendar: str, event: str, *, quietly: bool = False) -> None:
        """Delete an event, or cancel an occurrence; `quietly`: guests are not told and keep theirs."""
        self._done("DELETE", _path(calendar, event), {"sendUpdates": ["none" if quietly else "all"]})

    def move(self, calendar: str, event: str, destination: str) -> None:
        """Make another calendar of one's own the organizer's."""
        self._done("POST", _path(calendar, f"{event}/move"), {**_PLAIN, "destination": [destination]})

    def instances(self, calendar: str, event: str) -> list[Json]:
        """The occurrences that take place, by their original starts."""
        found: list[Json] = self._done("GET", _path(calendar, f"{event}/instances"), _PLAIN)["items"]
        return found

    def _done(self, method: str, path: str, query: Mapping[str, list[str]], body: Json | None = None) -> Json:
        status, answer = self._send(method, path, query, body)
        if status >= 300:
            raise Denied(f"{method} {path}: {status} {answer.get('error', {}).get('message')}")
        return answer

    def _send(
        self, method: str, path: str, query: Mapping[str, list[str]], body: Json | None = None
    ) -> tuple[int, Json]:
        headers = {"authorization": f"Bearer dev:{self.email}"}
        answer = self.server.handle(Request(method, path, query, headers, b"" if body is None else _encode(body)))
        return answer.status, _read(answer.body) if answer.body else {}


def _path(calendar: str, below: str = "") -> str:
    return f"{BASE}calendars/{calendar}/events" + (f"/{below}" if below else "")
