"""A Calendar server with a clock of its own, driven by Google's client without a socket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from infra.local.calendar.channels import Push
from infra.local.calendar.inprocess import InProcessHttp
from infra.local.calendar.messages import Request, Response
from infra.local.calendar.persistence import State
from infra.local.calendar.server import CalendarServer

ALICE, BOB, CAROL = "alice@example.com", "bob@example.com", "carol@example.com"
START = datetime(2026, 11, 20, 10, tzinfo=UTC)


class Desk:
    """One server, its clock, and a client for each user."""

    def __init__(self, state: State | None = None, seed: int = 1) -> None:
        self.now = START
        self.server = CalendarServer(lambda: self.now, Random(seed), state)  # noqa: S311 - seeded on purpose
        self._clients: dict[str, Any] = {}
        self._events: dict[str, Any] = {}

    def events(self, user: str = ALICE) -> Any:
        """The events of Google's client, as this user."""
        # The client builds its methods anew each time it is asked for a resource, which takes longer than a call.
        if user not in self._events:
            self._events[user] = self.client(user).events()
        return self._events[user]

    def client(self, user: str = ALICE) -> Any:
        """Google's client, as this user."""
        if user not in self._clients:
            self._clients[user] = build("calendar", "v3", http=InProcessHttp(self.server, user), static_discovery=True)
        return self._clients[user]

    def insert(self, user: str = ALICE, calendar: str = "primary", version: int = 1, **fields: Any) -> dict[str, Any]:
        """Make an event; by default on the first of December, an hour long."""
        body = {**plain(), **fields}
        return run(self.events(user).insert(calendarId=calendar, body=body, conferenceDataVersion=version))

    def patch(self, event: str, user: str = ALICE, version: int = 1, **fields: Any) -> dict[str, Any]:
        """Change fields of an event on the user's primary calendar."""
        request = self.events(user).patch(
            calendarId="primary", eventId=event, body=fields, conferenceDataVersion=version
        )
        return run(request)

    def get(self, event: str, user: str = ALICE) -> dict[str, Any]:
        """One event of the user's primary calendar."""
        return run(self.events(user).get(calendarId="primary", eventId=event))

    def delete(self, event: str, user: str = ALICE, **options: Any) -> None:
        """Delete an event from the user's primary calendar."""
        self.events(user).delete(calendarId="primary", eventId=event, **options).execute()

    def page(self, user: str = ALICE, calendar: str = "primary", **options: Any) -> dict[str, Any]:
        """One page of a list."""
        return run(self.events(user).list(calendarId=calendar, **options))

    def all(self, user: str = ALICE, **options: Any) -> tuple[list[dict[str, Any]], str | None]:
        """Every item of a list, and the last page's sync token."""
        items: list[dict[str, Any]] = []
        page = self.page(user, **options)
        items += page.get("items", [])
        while "nextPageToken" in page:
            page = self.page(user, pageToken=page["nextPageToken"], **options)
            items += page.get("items", [])
        return items, page.get("nextSyncToken")

    def token(self, user: str = ALICE) -> str:
        """A sync token of the present state."""
        token = self.all(user)[1]
        assert token is not None
        return token

    def changes(self, token: str, user: str = ALICE) -> list[dict[str, Any]]:
        """What changed since the token."""
        return self.all(user, syncToken=token)[0]

    def watch(self, user: str = ALICE, **fields: Any) -> dict[str, Any]:
        """Open a channel to a loopback address."""
        body = {"id": "channel-1", "type": "web_hook", "address": "http://127.0.0.1:9/notify", **fields}
        return run(self.events(user).watch(calendarId="primary", body=body))

    def pushes(self) -> list[Push]:
        """The messages that are due."""
        return self.server.due_pushes(self.server.now())

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def control(self, route: str, **body: Any) -> dict[str, Any]:
        """Post to a control route, which must accept it."""
        answer = self.raw("POST", f"/control/{route}", body)
        assert answer.status == 200, answer.body
        return read(answer)

    def raw(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """One request as it is, by default as Alice."""
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        named = {"authorization": f"Bearer dev:{ALICE}"} if headers is None else headers
        return self.server.handle(Request(method, path, query or {}, named, sent))


def run(request: Any) -> dict[str, Any]:
    """Execute a request that answers with a body."""
    answer: dict[str, Any] = request.execute()
    return answer


def read(answer: Response) -> dict[str, Any]:
    """The answer's JSON."""
    value: dict[str, Any] = json.loads(answer.body)
    return value


def refused(request: Any) -> tuple[int, str]:
    """Status and first reason of a request that must fail."""
    return whole_refusal(request)[:2]


def whole_refusal(request: Any) -> tuple[int, str, dict[str, Any]]:
    """Status, first reason and whole body of a request that must fail."""
    try:
        request.execute()
    except HttpError as error:
        body = json.loads(error.content)
        return error.resp.status, body["error"]["errors"][0]["reason"], body
    raise AssertionError("the request was not refused")


def plain() -> dict[str, Any]:
    """The times of a plain event."""
    return {"start": {"dateTime": "2026-12-01T10:00:00Z"}, "end": {"dateTime": "2026-12-01T11:00:00Z"}}


def hours(day: str, start: int, end: int) -> dict[str, Any]:
    """Start and end on one day, on Zurich's clock."""
    return {
        "start": {"dateTime": f"{day}T{start:02}:00:00", "timeZone": "Europe/Zurich"},
        "end": {"dateTime": f"{day}T{end:02}:00:00", "timeZone": "Europe/Zurich"},
    }


def add_on(**fields: Any) -> dict[str, Any]:
    """A well-formed third-party conference."""
    return {
        "conferenceId": "vendor-123",
        "conferenceSolution": {"key": {"type": "addOn"}, "name": "My Web Conference"},
        "entryPoints": [{"entryPointType": "video", "uri": "https://meet.example.com/123", "label": "meet/123"}],
        **fields,
    }


def ids(items: list[dict[str, Any]]) -> list[str]:
    """The items' ids."""
    return [item["id"] for item in items]


def with_header(request: Any, name: str, value: str) -> Any:
    """The request with a header field."""
    request.headers[name] = value
    return request
