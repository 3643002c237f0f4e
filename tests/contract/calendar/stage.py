"""A Calendar before a local Calendar server, and the events that the tests put into it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.auth.credentials import Credentials

from conference.event import Event, Unreadable
from functions.ports import Calendar
from infra.google.calendar import GoogleCalendar
from infra.google.credentials import DevCredentials
from infra.local.calendar.inprocess import InProcessHttp
from infra.local.calendar.messages import Request
from infra.local.calendar.server import CalendarServer
from infra.local.calendar.serving import running

ALICE, BOB, ROOM = "alice@example.com", "bob@example.com", "room@example.com"
NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
NOBODY = "http://127.0.0.1:1/notice"
"""Where no push is taken: nothing here waits for one, and none may leave the machine."""

TIMES = {"start": {"dateTime": "2026-11-23T10:00:00+01:00"}, "end": {"dateTime": "2026-11-23T11:00:00+01:00"}}


@dataclass(frozen=True)
class Stage:
    """A Calendar, and the server behind it."""

    calendar: Calendar
    server: CalendarServer

    def control(self, route: str, **body: Any) -> None:
        """Do to the server what no client could."""
        answer = self.server.handle(Request("POST", f"/control/{route}", body=json.dumps(body).encode()))
        assert answer.status == 200, answer.body

    def put(self, **event: Any) -> None:
        """Have Alice's calendar hold this event as it is, however malformed."""
        self.control("events", calendarId=ALICE, event=event)


def new_server() -> CalendarServer:
    """A server of its own, which shows the same hour for ever."""
    return CalendarServer(lambda: NOW, random.Random(7))  # noqa: S311 - the server draws ids and faults, no secrets


@contextmanager
def in_process() -> Iterator[Stage]:
    """A Calendar whose requests reach their server without a socket."""
    server = new_server()

    def door(signer: Credentials) -> InProcessHttp:
        assert isinstance(signer, DevCredentials)
        return InProcessHttp(server, signer.email)

    with GoogleCalendar(DevCredentials, http=door) as calendar:
        yield _opened(Stage(calendar, server))


@contextmanager
def over_a_socket() -> Iterator[Stage]:
    """A Calendar of Alice's and Bob's before a server that listens."""
    server = new_server()
    signers = {name: DevCredentials(name) for name in (ALICE, BOB)}
    with (
        running(server) as base,
        GoogleCalendar(lambda user: signers[user], f"{base}/calendar/v3/") as calendar,
    ):
        yield _opened(Stage(calendar, server))


def _opened(stage: Stage) -> Stage:
    stage.calendar.calendar(ALICE, "primary")
    return stage


def body(**fields: Any) -> dict[str, Any]:
    """An event an hour long, and whatever else is named."""
    return {
        "summary": "Planning",
        "start": {"dateTime": "2026-11-23T10:00:00+01:00", "timeZone": "Europe/Zurich"},
        "end": {"dateTime": "2026-11-23T11:00:00+01:00", "timeZone": "Europe/Zurich"},
        **fields,
    }


def every_page(calendar: Calendar, *, token: str | None = None, ends_after: datetime | None = None) -> tuple[Any, str]:
    """All items of a pass over Alice's calendar, and the token it ends in."""
    items: list[Event | Unreadable] = []
    page: str | None = None
    while True:
        read = calendar.changes(ALICE, ALICE, token=token, page=page, ends_after=ends_after)
        items += read.items
        if read.sync_token is not None:
            return items, read.sync_token
        page = read.next_page
