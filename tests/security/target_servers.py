"""The servers of the local stack, as targets: whatever is asked of them, a client's mistake is no failure of theirs."""

from __future__ import annotations

import random
import threading
import warnings
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from infra.local.calendar import wsgi as calendar_wsgi
from infra.local.calendar.server import CalendarServer
from infra.local.vendor import wsgi as vendor_wsgi
from infra.local.vendor.server import Account, VendorServer
from tests.security.bytes_in import environ, request
from tests.security.doors import House
from tests.world import ALICE, TOKEN, VENDOR, event_body, ids

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

Targets = dict[str, tuple[list[bytes], Callable[[bytes], None]]]

FRESH = 500
"""After so many requests a server begins anew, so that what was made before does not slow down what comes."""

_BEARER = {"Authorization": f"Bearer dev:{ALICE}", "Content-Type": "application/json"}
_MADE: dict[str, Any] = {**event_body(), "id": "abcde12345", "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]}
_EVENTS = f"/calendar/v3/calendars/{ALICE}/events"
_CALENDAR = [
    request(f"POST {_EVENTS}?conferenceDataVersion=1&sendUpdates=all", _BEARER, _MADE),
    request(f"GET {_EVENTS}?maxResults=5&showDeleted=true&timeMin=2026-11-24T00:00:00Z&fields=items(id)", _BEARER),
    request(f"GET {_EVENTS}?syncToken=x&pageToken=y&singleEvents=true&orderBy=startTime&q=x&iCalUID=z", _BEARER),
    request(
        f"PATCH {_EVENTS}/abcde12345", {**_BEARER, "If-Match": '"1"'}, {"summary": "y", "attendees": [{"email": "b@x"}]}
    ),
    request(f"PUT {_EVENTS}/abcde12345", _BEARER, _MADE),
    request(f"DELETE {_EVENTS}/abcde12345", _BEARER),
    request(f"GET {_EVENTS}/abcde12345/instances?originalStart=2026-11-24T10:00:00%2B01:00", _BEARER),
    request(f"POST {_EVENTS}/abcde12345/move?destination={ALICE}", _BEARER),
    request(f"POST {_EVENTS}/import", _BEARER, {**_MADE, "iCalUID": "x@y"}),
    request(
        f"POST {_EVENTS}/watch", _BEARER, {"id": "c", "type": "web_hook", "address": "https://x.example", "token": "s"}
    ),
    request("POST /calendar/v3/channels/stop", _BEARER, {"id": "c", "resourceId": "r"}),
    request(
        "POST /calendar/v3/freeBusy", _BEARER, {"timeMin": "2026-11-24T00:00:00Z", "timeMax": "2026-11-25T00:00:00Z"}
    ),
    request("POST /calendar/v3/calendars", _BEARER, {"summary": "x", "timeZone": "Europe/Zurich"}),
    request("GET /calendar/v3/users/me/calendarList", _BEARER),
    request(
        f"POST /calendar/v3/calendars/{ALICE}/acl",
        _BEARER,
        {"role": "reader", "scope": {"type": "user", "value": "b@x"}},
    ),
    request("GET /calendar/v3/colors", _BEARER),
    request(
        "POST /token",
        {"Content-Type": "application/x-www-form-urlencoded"},
        b"grant_type=refresh_token&refresh_token=x",
    ),
    request("GET /o/oauth2/v2/auth?client_id=x&redirect_uri=http://127.0.0.1/&response_type=code&scope=x&state=y", {}),
    request(
        "POST /batch/calendar/v3",
        {**_BEARER, "Content-Type": "multipart/mixed; boundary=b"},
        b"--b\r\n\r\nGET /x\r\n--b--",
    ),
    request("POST /control/faults", {}, {"method": "GET", "path": "/x", "status": 500, "times": 1}),
    request("POST /control/events", {}, {"calendarId": ALICE, "event": {"id": "x", "status": "confirmed"}}),
    request("POST /control/clock", {}, {"advance_seconds": 1}),
    request("POST /control/faults", {}, b'{"more": ' + b"[" * 9000),
    request(f"POST {_EVENTS}", _BEARER, b'{"more": ' + b"[" * 9000),
]
_MEETING = {
    "title": "Weekly",
    "host": ALICE,
    "start": "2026-11-24T09:00:00Z",
    "end": "2026-11-24T10:00:00Z",
    "time_zone": "Europe/Zurich",
    "exceptions": [{"original_start": "2026-12-01T09:00:00Z", "cancelled": True}],
    "attendees": [{"email": "bo@example.com", "name": "Bo"}],
}
_TOKEN = {"Authorization": f"Bearer {TOKEN}"}
_VENDOR = [
    request("POST /meetings", {**_TOKEN, "Idempotency-Key": "k"}, _MEETING),
    request("PUT /meetings/m", {**_TOKEN, "If-Match": '"1"'}, _MEETING),
    request("GET /meetings?limit=5&after=m&key=k", _TOKEN),
    request("GET /meetings/m", _TOKEN),
    request("DELETE /meetings/m", _TOKEN),
    request("GET /m/m", {}),
    request("POST /control/meetings", {}, _MEETING),
    request("POST /control/webhooks", {}, {"silent": True}),
    request("POST /control/meetings/m", {}, b'{"more": ' + b"[" * 9000),
    request("POST /meetings", {**_TOKEN, "Idempotency-Key": "k"}, b'{"more": ' + b"[" * 9000),
]


def of(held: ExitStack, house: House) -> Targets:
    """The servers, by name; `held` closes them."""
    return {
        "the Calendar server": (_CALENDAR, _calendar(house)),
        "the conferencing service": (_VENDOR, _vendor(held, house)),
    }


def _calendar(house: House) -> Callable[[bytes], None]:
    server = CalendarServer(clock=house.world.clock.now, random=random.Random(1))  # noqa: S311 - seeded on purpose
    app = calendar_wsgi.application(server, closing=_closed())
    return _served(app, lambda: server.reset(1))


def _vendor(held: ExitStack, house: House) -> Callable[[bytes], None]:
    server = VendorServer(Account(TOKEN), VENDOR, clock=house.world.clock.now, new_id=ids())
    held.callback(server.close)
    app = vendor_wsgi.application(server, threading.Lock(), _closed(), lambda: None)
    return _served(app, lambda: _ask(app, environ(request("POST /control/reset", {}))))


def _closed() -> threading.Event:
    # Delays that a fault asks for are cut short.
    closing = threading.Event()
    closing.set()
    return closing


def _served(app: WSGIApplication, renew: Callable[[], object]) -> Callable[[bytes], None]:
    count = 0

    def check(data: bytes) -> None:
        nonlocal count
        count += 1
        if count % FRESH == 0 or b"/control/" in data:
            renew()  # a fault that was asked for answers as it was told to
        with warnings.catch_warnings():
            # A fault's path is a regular expression, about which Python may have doubts.
            warnings.simplefilter("ignore", FutureWarning)
            status = _ask(app, environ(data))
        if b"/control/faults" in data:
            renew()
        # 501: a method of Google's that is not served here.
        assert 200 <= status < 500 or status == 501, f"answered {status}"

    return check


def _ask(app: WSGIApplication, made: dict[str, Any]) -> int:
    statuses: list[int] = []

    def start(status: str, _headers: object, _error: object = None) -> Callable[[bytes], object]:
        statuses.append(int(status[:3]))
        return bytes

    answer: Iterable[bytes] = app(made, start)
    for _ in answer:
        pass
    return statuses[0]
