"""The functions' doors and the pages, as targets: only 2xx and 4xx may come out, whatever goes in."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import jwt
from flask import Flask, Request
from werkzeug.test import run_wsgi_app

from conference.errors import Forged
from conference.key import mint_key
from functions.addon.offer import SCOPES
from functions.console.page import console
from functions.join.page import join_page
from functions.join.room import Rooms
from functions.ports import Task
from infra.tasks import check_name, encode_body, moment
from tests.security.bytes_in import environ, request
from tests.security.doors import ACCOUNTS, ADD_ON, BASE, FUNCTIONS, House, channel_of
from tests.world import ALICE, SECRET

Targets = dict[str, tuple[list[bytes], Callable[[bytes], None]]]


class Sink:
    """A queue that refuses what every queue refuses, and keeps nothing."""

    def __init__(self, house: House) -> None:
        self._house = house

    def add(self, task: Task, *, name: str | None = None, at: datetime | None = None) -> bool:
        """Look at the task as a queue does. Raises ValueError for one that no queue takes."""
        check_name(name)
        encode_body(task)
        moment(at, self._house.world.clock.now())
        return True


def of(house: House) -> Targets:
    """The doors over this house, by name."""
    house.world.insert()
    house.world.settle()
    house.world.change_ground(queue=Sink(house))
    tasks = {f"tasks of {name}": (_bodies(house, name), _task(house, name)) for name in ACCOUNTS}
    return {
        "notices": ([request("POST /", channel_of(house.world))], _door(house, "calendar_notification")),
        "pushes": (
            [_push(b"{}", house), request("POST /http", {"Content-Length": "9"}, b"x")],
            _door(house, "provider_webhook"),
        ),
        "signed pushes": (_PUSHES, _signed(house)),
        **tasks,
        "calls of the add-on": ([_addon_call(house)], _addon(house)),
        "users of the add-on": ([_user(house)], _addon_user(house)),
        "requests to the add-on": (_addon_requests(house), _door(house, "addon")),
        "identity tokens": ([_token(house)], _identity(house)),
        "the console": _console(house),
        "the join page": _join(house),
    }


_PUSHES = [
    b'{"id": "evt_1", "kind": "updated", "meeting_id": "m_1", "version": "7"}',
    b'{"kind": "deleted", "meeting_id": 17, "version": 3}',
    b'{"id": "evt_1", "kind": "updated", "meeting_id": "m_1", "version": "' + b"v" * 120_000 + b'"}',
    b'{"more": ' + b"[" * 9000,
    b"[]",
]


def _push(body: bytes, house: House) -> bytes:
    return request("POST /http", _signature(body, house), body)


def _signature(body: bytes, house: House) -> dict[str, str]:
    timestamp = str(int(house.world.clock.now().timestamp()))
    mac = hmac.new(SECRET.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Lockstep-Timestamp": timestamp, "X-Lockstep-Signature": f"v1={mac}"}


def _answer(house: House, function: str, made: Mapping[str, Any]) -> int:
    return FUNCTIONS[function](house.door, Request(dict(made))).status_code


def _door(house: House, function: str) -> Callable[[bytes], None]:
    def check(data: bytes) -> None:
        status = _answer(house, function, environ(data))
        assert status in {200, 204} or 400 <= status < 500, f"{function} answered {status}"

    return check


def _signed(house: House) -> Callable[[bytes], None]:
    def check(data: bytes) -> None:
        status = _answer(house, "provider_webhook", environ(_push(data, house)))
        assert status in {204, 413}, f"a signed push was answered {status}"

    return check


def _task(house: House, function: str) -> Callable[[bytes], None]:
    bearer = house.bearer(function)

    def check(data: bytes) -> None:
        status = _answer(house, function, environ(request("POST /", bearer) + data))
        assert status in {200, 413}, f"a task of {function} was answered {status}"

    return check


def _bodies(house: House, function: str) -> list[bytes]:
    (row,) = house.world.rows()
    bodies: dict[str, list[dict[str, Any]]] = {
        "sync_calendar": [{"feed": row.feed, "number": 1}, {"feed": row.feed, "number": 2**70}],
        "reconcile_event": [
            {"feed": row.feed, "event": row.event, "fence": row.fence},
            {"meeting": row.meeting, "version": "1"},
        ],
        "patch_event": [{"feed": row.feed, "event": row.event, "fence": row.fence}],
        "connect_calendar": [
            {"user": ALICE, "calendar": "primary"},
            {"user": "", "calendar": 7},
            {"consented": "0" * 32, "consent": 1, "feed": row.feed},
            {"leaving": "0" * 32},
            {"left": row.feed},
        ],
        "run_trigger": [{"trigger": "1", "turn": "t", "delivery": "1-2"}, {"trigger": "1", "scheduled": 1e9}],
        "tick": [{}],
    }
    return [json.dumps(body).encode() for body in bodies[function]]


ENDPOINTS = ("home", "create", "settings", "changed")


def _user(house: House) -> bytes:
    return house.issuer.mint(ADD_ON.addon_client, ALICE).encode()


def _addon_call(house: House, user: bytes | None = None) -> bytes:
    """The body of a genuine call, in one of the shapes that Google's documents know."""
    event = {"calendarId": ALICE, "id": "draft1", "capabilities": {"canSetConferenceData": True}}
    data = {"parameters": {"addOnParameters": {"parameters": {"lockstep": "http"}}}, "conferenceId": "x"}
    told = {
        "commonEventObject": {"hostApp": "CALENDAR", "timeZone": {"id": "Europe/Zurich", "offset": "3600000"}},
        "authorizationEventObject": {
            "userIdToken": (_user(house) if user is None else user).decode("latin-1"),
            "authorizedScopes": [*SCOPES],
        },
        "calendar": {**event, "recurringEventId": "series1", "conferenceData": data},
        "eventData": {"calendarId": ALICE, "eventId": "draft1"},
    }
    return json.dumps(told).encode()


def _addon_requests(house: House) -> list[bytes]:
    body = _addon_call(house)
    token = house.issuer.mint(f"{BASE}/addon/create", ADD_ON.addon_account)
    headers = {"Authorization": f"Bearer {token}", "Content-Length": str(len(body))}
    return [request(f"POST /create?{query}", headers, body) for query in ("solution=http", "\xad", "solution")]


def _addon(house: House) -> Callable[[bytes], None]:
    def check(data: bytes) -> None:
        for endpoint in ENDPOINTS:
            status = house.ask(endpoint, data).status_code
            assert status in {200, 400, 403, 413}, f"a call of {endpoint} was answered {status}"

    return check


def _addon_user(house: House) -> Callable[[bytes], None]:
    genuine = _claims(_user(house).decode())

    def check(data: bytes) -> None:
        answer = house.ask("home", _addon_call(house, data))
        assert answer.status_code in {200, 403}
        if answer.status_code == 200 and b"requesting_google_scopes" not in answer.get_data():
            assert _claims(data.decode("latin-1")) == genuine, "an altered user token was accepted"

    return check


def _token(house: House) -> bytes:
    return house.issuer.mint(f"{BASE}/tick", ACCOUNTS["tick"]).encode()


def _identity(house: House) -> Callable[[bytes], None]:
    genuine = _claims(_token(house).decode())

    def check(data: bytes) -> None:
        token = data.decode("latin-1")
        try:
            house.world.ground.identity.check(token, audience=f"{BASE}/tick", account=ACCOUNTS["tick"])
        except Forged:
            return
        assert _claims(token) == genuine, "an altered token was accepted"

    return check


def _claims(token: str) -> dict[str, Any]:
    said: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return said


def _page(app: Flask) -> Callable[[bytes], None]:
    def check(data: bytes) -> None:
        _, status, _ = run_wsgi_app(app, environ(data), buffered=True)
        assert 200 <= int(status[:3]) < 500, f"a page answered {status}"

    return check


def _console(house: House) -> tuple[list[bytes], Callable[[bytes], None]]:
    app = console(house.world.ground)
    local = {"Host": "127.0.0.1", "Origin": "http://127.0.0.1", "Content-Type": "application/x-www-form-urlencoded"}
    html = app.test_client().get("/", headers={"Host": "127.0.0.1"}).text
    token = html.partition('name="token" value="')[2].partition('"')[0]
    (row,) = house.world.rows()
    about = f"token={token}&feed={row.feed}&event=nobody&etag=%221%22"
    forms = {
        "move": f"{about}&by=%2B30",
        "rename": f"{about}&title=x",
        "cancel": about,
        "new": f"token={token}&feed={row.feed}&title=x&start=2026-11-24T10:00&minutes=60&provider=nobody",
    }
    posts = [request(f"POST /events/{name}", local, body.encode()) for name, body in forms.items()]
    gets = [
        request(f"GET {path}", {"Host": "localhost:8900"}) for path in ("/", f"/state?feed={row.feed}", "/console.js")
    ]
    return [*posts, *gets, request("GET /state?feed=", {"Host": "localhost"}).replace(b"=", b"=\xb1")], _page(app)


def _join(house: House) -> tuple[list[bytes], Callable[[bytes], None]]:
    rooms = Rooms("http", "acme", "http://127.0.0.1:8903/janus", "token secret")
    app = join_page(house.world.ground, rooms, {})
    key = mint_key(
        house.world.ground.key_secret, calendar=ALICE, ical_uid="x", provider="http", account="acme", generation=1
    )
    ours = {"Host": "127.0.0.1", "Origin": "http://127.0.0.1", "Content-Type": "application/json"}
    gets = [
        request(f"GET {path}", ours) for path in (f"/{key}", f"/{key}/state", "/library/janus.js", "/static/room.js")
    ]
    return [*gets, request(f"POST /{key}/grant", ours, {"display": "Ann"})], _page(app)
