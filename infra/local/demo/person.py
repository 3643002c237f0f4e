"""A person at Google Calendar, through google-api-python-client, as any other program would be one.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference
"""

from __future__ import annotations

from typing import Any, Self

import google_auth_httplib2
import httplib2
from googleapiclient.discovery import build

from infra.google.credentials import DevCredentials

SIGN = "person"
"""Sent as quotaUser with each request, so that a person's requests can be told from the product's in the log."""

Json = dict[str, Any]


class Person:
    """Works on their own primary calendar; every method is one request. Raises googleapiclient's HttpError."""

    def __init__(self, email: str, calendar_url: str, timeout: float = 20.0) -> None:
        http = google_auth_httplib2.AuthorizedHttp(DevCredentials(email), http=httplib2.Http(timeout=timeout))
        options = {"api_endpoint": calendar_url}
        self._service = build(
            "calendar", "v3", http=http, static_discovery=True, cache_discovery=False, client_options=options
        )
        self._events = self._service.events()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._service.close()

    def insert(self, body: Json) -> Json:
        """Make an event."""
        return self._send(self._events.insert, body=body, conferenceDataVersion=1)

    def patch(self, event: str, **changes: Any) -> Json:
        """Change only what is named; an occurrence of a series has an id of its own."""
        return self._send(self._events.patch, eventId=event, body=changes, conferenceDataVersion=1)

    def delete(self, event: str) -> None:
        """Delete an event or an occurrence."""
        self._send(self._events.delete, eventId=event)

    def get(self, event: str) -> Json:
        """An event as it is now."""
        return self._send(self._events.get, eventId=event)

    def token(self) -> str:
        """A sync token from now on."""
        return str(self._pages()[-1]["nextSyncToken"])

    def changes(self, token: str) -> list[Json]:
        """What the calendar tells of everything that changed since."""
        return [item for page in self._pages(syncToken=token) for item in page["items"]]

    def _pages(self, **arguments: Any) -> list[Json]:
        pages = [self._send(self._events.list, **arguments)]
        while "nextPageToken" in pages[-1]:
            pages.append(self._send(self._events.list, pageToken=pages[-1]["nextPageToken"], **arguments))
        return pages

    def _send(self, method: Any, **arguments: Any) -> Json:
        answer: Json = method(calendarId="primary", quotaUser=SIGN, **arguments).execute(num_retries=0)
        return answer
