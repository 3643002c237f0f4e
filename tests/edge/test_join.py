"""The join page's doors: what it tells of a room, whom it lets in and until when, and what it keeps to itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import pytest
import structlog
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from conference.errors import Later
from conference.event import Event, EventTime
from conference.key import mint_key
from conference.link import Link, index
from conference.meeting import Meeting, MeetingId, MeetingRef
from conference.providers.janus_join import grant
from conference.slot import Occurrence, Slot
from functions import ledger
from functions.ground import Ground
from functions.join.page import LIBRARIES, PACKAGES, join_page
from functions.join.room import Rooms, admit
from functions.ledger import Row
from infra.local.janus_browser import browser_library
from infra.local.memory import ManualClock, MemoryStore
from tests.world import World

ROOMS = Rooms("janus", "main", "http://127.0.0.1:8903/janus", "signing-secret")
HOST = {"Host": "meet.example:8080"}
OURS = {**HOST, "Origin": "http://meet.example:8080", "Sec-Fetch-Site": "same-origin"}
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)  # 10:30 in Zurich
TITLE = "Salaries of the board"


@pytest.fixture(scope="module")
def somewhere() -> Iterator[Ground]:
    """A ground of which each test takes what it does not replace."""
    made = World()
    yield made.ground
    made.close()


@pytest.fixture
def ground(somewhere: Ground) -> Ground:
    """An empty store, and a clock that shows half past ten."""
    clock = ManualClock(NOW)
    return replace(somewhere, clock=clock, store=MemoryStore(clock))


@pytest.fixture
def libraries(tmp_path: Path) -> Mapping[str, Path]:
    """Something to serve as the browser's library."""
    files = {name: tmp_path / name for name in LIBRARIES}
    for name, file in files.items():
        file.write_text(f"// {name}\n")
    return files


@pytest.fixture
def door(ground: Ground, libraries: Mapping[str, Path]) -> FlaskClient:
    """A browser at the page."""
    return join_page(ground, ROOMS, libraries).test_client()


def key_for(ground: Ground, name: str = "e", provider: str = "janus") -> str:
    """A key of ours."""
    names = {"calendar": "alice@example.com", "ical_uid": name, "provider": provider, "account": "main"}
    return mint_key(ground.key_secret, **names, generation=1)


def event(name: str = "e", start: str = "2026-11-24T10:00:00", end: str = "2026-11-24T11:00:00", **more: Any) -> Event:
    """An event, now under way unless said otherwise."""
    times = {when: EventTime(None, wall, "Europe/Zurich") for when, wall in (("start", start), ("end", end))}
    return Event(**{"id": name, "summary": TITLE, **times, **more})


def hold(ground: Ground, key: str, seen: Event, /, *exceptions: Occurrence, released: bool = False, **more: Any) -> str:
    """Put the row of an event that holds the key's room, or that held it; returns the key."""
    ref = MeetingRef("janus", "main", MeetingId(key))
    link = None if released else Link("janus", "main", key, 1, Meeting(ref, "http://meet.example/j/x"))
    row = Row(
        feed="f",
        event=seen.id,
        zone="Europe/Zurich",
        seen=seen,
        exceptions={str(number): one for number, one in enumerate(exceptions)},
        link=link,
        meeting=index(ref) if link else None,
        key=key if link else None,
        former=index(ref) if released else None,
    )
    ground.store.commit(ledger.put(_with(row, more), None))
    return key


def _with(row: Row, more: Mapping[str, Any]) -> Row:
    for name, value in more.items():
        row = msgspec.structs.replace(row, **{name: value})
    return row


def ask(door: FlaskClient, key: str, display: object = "Ann", headers: Mapping[str, str] = OURS) -> TestResponse:
    """Ask to be let in, as the page does."""
    return door.post(f"/{key}/grant", json={"display": display}, headers=dict(headers))


class Elements(HTMLParser):
    """A page's elements, with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the element down."""
        self.found.append((tag, dict(attrs)))

    def weighty(self) -> list[str]:
        """The elements that act."""
        return sorted(tag for tag, _ in self.found if tag in {"script", "img", "form", "input", "button", "iframe"})


# ---- what the page says ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "says"),
    [
        ("2026-11-22T12:00:00+01:00", "The room opens on Tue 24 Nov at 09:45."),
        ("2026-11-24T09:44:00+01:00", "The room opens at 09:45."),
        ("2026-11-24T09:45:00+01:00", "The room is open until 11:30."),
        ("2026-11-24T11:29:00+01:00", "The room is open until 11:30."),
        ("2026-11-24T11:30:00+01:00", "It is over."),
    ],
)
def test_times(ground: Ground, libraries: Mapping[str, Path], now: str, says: str) -> None:
    """The page tells title and time in the event's own zone, and how the door stands by our clock."""
    clock = ManualClock(datetime.fromisoformat(now))
    key = hold(ground, key_for(ground), event())
    answer = join_page(replace(ground, clock=clock), ROOMS, libraries).test_client().get(f"/{key}", headers=HOST)

    assert answer.status_code == 200
    for shown in (TITLE, "Tue 24 Nov, 10:00 – 11:00", "Europe/Zurich", says):  # noqa: RUF001 - an en dash
        assert shown in answer.text
    assert ('id="enter"' in answer.text) == ("open until" in says)
    assert ("library" in answer.text) == ("open until" in says)


@pytest.mark.parametrize(
    ("fields", "state", "says"),
    [
        ({"seen": Event("e", "cancelled")}, "cancelled", "It was cancelled."),
        ({"seen": event(status="cancelled")}, "cancelled", "It was cancelled."),
        ({"seen": None}, "unreadable", "When it takes place cannot be told: look into the calendar."),
        ({"seen": Event("e")}, "unreadable", "When it takes place cannot be told: look into the calendar."),
        ({"zone": "Mars/Olympus"}, "unreadable", "When it takes place cannot be told: look into the calendar."),
    ],
)
def test_no_times(ground: Ground, door: FlaskClient, fields: dict[str, Any], state: str, says: str) -> None:
    """What was cancelled, and what cannot be read, has a page all the same, and nobody is let in."""
    key = hold(ground, key_for(ground), event(), **fields)
    answer = door.get(f"/{key}", headers=HOST)

    assert (answer.status_code, says in answer.text) == (200, True)
    assert door.get(f"/{key}/state", headers=HOST).get_json()["state"] == state
    assert ask(door, key).status_code == 403


@pytest.mark.parametrize(
    ("seen", "state"),
    [(Event("e", "cancelled"), "cancelled"), (event(), "released"), (event(end="2026-11-24T10:10:00"), "released")],
)
def test_a_room_that_was_let_go(ground: Ground, door: FlaskClient, seen: Event, state: str) -> None:
    """After the room is gone its link goes on telling why, for as long as the event's row is kept."""
    key = hold(ground, key_for(ground), seen, released=True)

    assert door.get(f"/{key}", headers=HOST).status_code == 200
    assert door.get(f"/{key}/state", headers=HOST).get_json()["state"] == state
    assert ask(door, key).status_code == 403


def test_an_event_that_moved_to_another_calendar(ground: Ground, door: FlaskClient) -> None:
    """Gone here and held there, the room is open."""
    key = hold(ground, key_for(ground), Event("e", "cancelled"), released=True)
    hold(ground, key, event("there"))

    assert ask(door, key).status_code == 200


def test_events_that_share_a_room(ground: Ground, door: FlaskClient) -> None:
    """Each of them opens it at its own time; the one that is open is the one that is shown."""
    key = key_for(ground)
    hold(ground, key, event("past", "2026-11-20T10:00:00", "2026-11-20T11:00:00", summary="Past"))
    hold(ground, key, event("gone", status="cancelled", summary="Gone"))
    hold(ground, key, event("next", "2026-11-27T10:00:00", "2026-11-27T11:00:00", summary="Next"))
    assert door.get(f"/{key}/state", headers=HOST).get_json()["title"] == "Next"
    hold(ground, key, event("now", summary="Now"))

    assert door.get(f"/{key}/state", headers=HOST).get_json()["title"] == "Now"
    assert ask(door, key).get_json()["title"] == "Now"


def test_a_cancelled_date_of_a_series(ground: Ground, door: FlaskClient) -> None:
    """Whoever comes for it learns that, and when the next date opens; they are not let in."""
    start = datetime(2026, 11, 24, 9, tzinfo=UTC)
    key = hold(ground, key_for(ground), event(recurrence=("RRULE:FREQ=DAILY",)), Occurrence(start, None))
    answer = door.get(f"/{key}", headers=HOST)

    assert "The date of Tue 24 Nov, 10:00 – 11:00 was cancelled." in answer.text  # noqa: RUF001 - an en dash
    assert "The room opens on Wed 25 Nov at 09:45." in answer.text
    assert ask(door, key).status_code == 403


def test_a_moved_date_of_a_series(ground: Ground, door: FlaskClient) -> None:
    """It is let in at its new time, until half an hour after its new end."""
    start = datetime(2026, 12, 1, 9, tzinfo=UTC)
    moved = Occurrence(start, Slot(NOW, NOW + timedelta(minutes=20), "Europe/Zurich"), "Brought forward")
    weekly = event(start="2026-11-17T10:00:00", end="2026-11-17T11:00:00", recurrence=("RRULE:FREQ=WEEKLY;INTERVAL=2",))
    answer = ask(door, hold(ground, key_for(ground), weekly, moved))

    assert answer.get_json()["title"] == "Brought forward"
    assert answer.get_json()["expires"] == (NOW + timedelta(minutes=50)).timestamp()


def test_the_wait_is_told(ground: Ground, door: FlaskClient) -> None:
    """The page knows in how many seconds to look again: when the door opens, and not before."""
    key = hold(ground, key_for(ground), event(start="2026-11-24T11:00:00", end="2026-11-24T12:00:00"))

    assert door.get(f"/{key}/state", headers=HOST).get_json()["wait"] == 15 * 60 + 1


@pytest.mark.parametrize("have", [(), LIBRARIES[:1], LIBRARIES])
def test_without_the_browsers_library(ground: Ground, libraries: Mapping[str, Path], have: tuple[str, ...]) -> None:
    """Unless it is whole, the page says that the room is ready and which packages are missing."""
    key = hold(ground, key_for(ground), event())
    some = {name: libraries[name] for name in have}
    answer = join_page(ground, ROOMS, some).test_client().get(f"/{key}", headers=HOST)

    missing = have != LIBRARIES
    assert answer.status_code == 200
    assert ("The room is ready" in answer.text) == missing
    assert all((name in answer.text) == missing for name in PACKAGES)
    assert ('id="enter"' in answer.text) != missing


def test_library_is_served(door: FlaskClient, tmp_path: Path) -> None:
    """Its scripts come from where the system keeps them, and nothing else does; without all of them there are none."""
    for name in LIBRARIES:
        answer = door.get(f"/library/{name}", headers=HOST, buffered=True)
        assert (answer.status_code, answer.text) == (200, f"// {name}\n")
        assert answer.mimetype == "text/javascript"
    (tmp_path / "other.js").write_text("secret")
    for name in ("other.js", "../other.js", "%2e%2e/adapter.js", ""):
        assert door.get(f"/library/{name}", headers=HOST).status_code == 404
    assert browser_library(tmp_path) == {}


# ---- who is let in --------------------------------------------------------------------------


def test_grant(ground: Ground, door: FlaskClient) -> None:
    """A visitor gets the server's address and two tokens for this room, valid until half an hour after the end."""
    key = hold(ground, key_for(ground), event())
    until = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
    signed = grant(ROOMS.token_secret, key, until)
    answer = ask(door, key, " Ann\nExample ")

    assert answer.status_code == 200
    assert answer.get_json() == {
        "title": TITLE,
        "room": key,
        "server": ROOMS.server,
        "core": signed.core,
        "token": signed.room,
        "display": "Ann Example",
        "expires": int(until.timestamp()),
    }
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("display", "shown"), [("", "Guest"), (" \x00\n", "Guest"), ("x" * 200, "x" * 60), ("Zoë 🎉", "Zoë 🎉")]
)
def test_names(ground: Ground, door: FlaskClient, display: str, shown: str) -> None:
    """A visitor's name is one short line, and there always is one."""
    assert ask(door, hold(ground, key_for(ground), event()), display).get_json()["display"] == shown


@pytest.mark.parametrize(
    ("start", "end"), [("2026-11-24T10:46:00", "2026-11-24T11:46:00"), ("2026-11-24T09:00:00", "2026-11-24T10:00:00")]
)
def test_closed(ground: Ground, door: FlaskClient, start: str, end: str) -> None:
    """A minute too early, and from half an hour after the end on, there is no grant."""
    answer = ask(door, hold(ground, key_for(ground), event(start=start, end=end)))

    assert (answer.status_code, answer.text) == (403, "The room is closed now.\n")


@pytest.mark.parametrize(
    "headers",
    [
        HOST,
        {**OURS, "Origin": "null"},
        {**OURS, "Origin": "http://evil.example"},
        {**OURS, "Origin": "https://meet.example:8080"},
        {**OURS, "Sec-Fetch-Site": "cross-site"},
        {**OURS, "Sec-Fetch-Site": "none"},
    ],
)
def test_only_our_own_page_may_ask(ground: Ground, door: FlaskClient, headers: Mapping[str, str]) -> None:
    """Another site gets no grant, even with the right key."""
    answer = ask(door, hold(ground, key_for(ground), event()), headers=headers)

    assert answer.status_code == 403
    assert ROOMS.server not in answer.text


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "text/plain", 415),
        (b"display=x", "application/x-www-form-urlencoded", 415),
        (b"", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"display": 7}', "application/json", 400),
        (b'{"display": null}', "application/json", 400),
        (b'{"display": "x", "room": "y"}', "application/json", 400),
        (b'{"display": "\xff"}', "application/json", 400),
        (b"[" * 1000, "application/json", 400),
        (json.dumps({"display": "x" * 201}).encode(), "application/json", 400),
        (b" " * 1025, "application/json", 413),
    ],
)
def test_bad_bodies(ground: Ground, door: FlaskClient, body: bytes, kind: str, status: int) -> None:
    """What cannot be read is told in a sentence that repeats nothing of it."""
    key = hold(ground, key_for(ground), event())
    answer = door.post(f"/{key}/grant", data=body, content_type=kind, headers=OURS)

    assert answer.status_code == status
    assert answer.mimetype == "text/plain"
    assert "xxx" not in answer.text


@given(body=st.binary(max_size=200))
def test_no_body_makes_it_crash(somewhere: Ground, body: bytes) -> None:
    """Whatever is sent, it is a name or it is refused."""
    clock = ManualClock(NOW)
    ground = replace(somewhere, clock=clock, store=MemoryStore(clock))
    key = hold(ground, key_for(ground), event())
    door = join_page(ground, ROOMS, {}).test_client()

    assert door.post(f"/{key}/grant", data=body, content_type="application/json", headers=OURS).status_code in {
        200,
        400,
    }


# ---- which keys there are -------------------------------------------------------------------


class Silent(MemoryStore):
    """A store that must not be asked."""

    def query(self, *_: object, **__: object) -> NoReturn:
        """Fail."""
        raise AssertionError("the store was asked")


BAD_KEYS = ["x", "a" * 40, "A" * 40, "a" * 5000, "..", "%00", "%2e%2e%2f", "a,b", "static", "<script>", "é" * 40]


@pytest.mark.parametrize("bad", BAD_KEYS)
@pytest.mark.parametrize("rest", ["", "/state", "/grant"])
def test_keys_of_nobody(ground: Ground, bad: str, rest: str) -> None:
    """A text that we never minted is turned away before the store is asked."""
    silent = join_page(replace(ground, store=Silent(ground.clock)), ROOMS, {}).test_client()
    sent = {"method": "POST", "json": {}} if rest == "/grant" else {"method": "GET"}

    assert silent.open(f"/{bad}{rest}", headers=OURS, **sent).status_code == 404


@pytest.mark.parametrize("rest", ["", "/state", "/grant"])
def test_unknown_links_look_alike(ground: Ground, door: FlaskClient, rest: str) -> None:
    """Nothing in an answer tells a key that never was from one that was, from one of another provider, or from none."""
    hold(ground, key_for(ground), event())
    other = key_for(ground, "vendor", "http")
    ref = MeetingRef("http", "main", MeetingId(other))
    link = Link("http", "main", other, 1, Meeting(ref, "http://vendor.example/1"))
    row = Row(feed="f", event="v", seen=event("v"), link=link, meeting=index(ref), key=other)
    ground.store.commit(ledger.put(row, None))

    sent = {"method": "POST", "json": {}} if rest == "/grant" else {"method": "GET"}
    keys = ["nothing", "a" * 40, key_for(ground, "never"), other]
    answers = [door.open(f"/{key}{rest}", headers=OURS, **sent) for key in keys]

    assert {(answer.status_code, answer.data, str(answer.headers)) for answer in answers} == {
        (404, answers[0].data, str(answers[0].headers))
    }
    assert "There is no meeting at this address." in answers[0].text


@pytest.mark.parametrize(
    ("method", "rest"),
    [("POST", ""), ("PUT", ""), ("DELETE", "/grant"), ("GET", "/grant"), ("POST", "/state"), ("PATCH", "/state")],
)
def test_other_methods(ground: Ground, door: FlaskClient, method: str, rest: str) -> None:
    """They are refused, for known keys as for unknown ones."""
    known = door.open(f"/{hold(ground, key_for(ground), event())}{rest}", method=method, headers=OURS)
    unknown = door.open(f"/{'a' * 40}{rest}", method=method, headers=OURS)

    assert known.status_code == unknown.status_code == 405
    assert (known.data, known.headers["Allow"]) == (unknown.data, unknown.headers["Allow"])


# ---- what it keeps to itself ----------------------------------------------------------------


@pytest.mark.parametrize("rest", ["", "/state", "/grant", "/nothing", "/x/y"])
def test_headers(ground: Ground, door: FlaskClient, rest: str) -> None:
    """Every answer forbids other sites' scripts, frames and caches; only Janus' own address may be talked to."""
    headers = door.get(f"/{hold(ground, key_for(ground), event())}{rest}", headers=HOST).headers

    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';" in policy
    assert "connect-src 'self' http://127.0.0.1:8903;" in policy
    assert "unsafe" not in policy
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Permissions-Policy"].startswith("camera=(self), microphone=(self)")


@pytest.mark.parametrize(
    "title",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "{{ 7 * 7 }}",
        "</title><form action=//evil.example>",
    ],
)
def test_titles_are_text(ground: Ground, door: FlaskClient, title: str) -> None:
    """What people write never becomes part of the page, and no script stands in it."""
    plain = Elements(door.get(f"/{hold(ground, key_for(ground), event())}", headers=HOST).text)
    key = hold(ground, key_for(ground, "other"), event("other", summary=title))
    shown = door.get(f"/{key}", headers=HOST).text
    found = Elements(shown)

    assert found.weighty() == plain.weighty()
    assert not [attrs for _, attrs in found.found if any(name.startswith("on") or name == "style" for name in attrs)]
    assert all(attrs.get("src") for tag, attrs in found.found if tag == "script")
    assert "49" not in shown.split("<body>")[1]


def test_scripts_load(ground: Ground, door: FlaskClient) -> None:
    """Everything that the page names is there."""
    found = Elements(door.get(f"/{hold(ground, key_for(ground), event())}", headers=HOST).text).found
    named = [
        attrs[name] for tag, attrs in found if tag in {"script", "link"} for name in ("src", "href") if name in attrs
    ]

    assert len(named) == 6
    assert {door.get(path or "", headers=HOST, buffered=True).status_code for path in named} == {200}


class Broken(MemoryStore):
    """A store that fails as it is told."""

    error: Exception

    def query(self, *_: object, **__: object) -> NoReturn:
        """Fail."""
        raise self.error


@pytest.mark.parametrize(
    ("error", "status"), [(Later("the store is busy"), 503), (RuntimeError(f"internals of {TITLE}"), 500)]
)
@pytest.mark.parametrize("rest", ["", "/state", "/grant"])
def test_trouble_shows_nothing_of_itself(ground: Ground, error: Exception, status: int, rest: str) -> None:
    """A store that is down is told in a sentence; no key, title or token is in any log."""
    broken = Broken(ground.clock)
    broken.error = error
    key = key_for(ground)
    door = join_page(replace(ground, store=broken), ROOMS, {}).test_client()
    with structlog.testing.capture_logs() as logs:
        sent = {"method": "POST", "json": {}} if rest == "/grant" else {"method": "GET"}
        answer = door.open(f"/{key}{rest}", headers=OURS, **sent)

    assert (answer.status_code, answer.mimetype) == (status, "text/plain")
    assert TITLE not in answer.text
    assert "internals" not in answer.text
    assert len(logs) == 1
    assert key not in str([{name: value for name, value in entry.items() if name != "exc_info"} for entry in logs])


def test_nothing_secret_is_logged_or_printed(ground: Ground, door: FlaskClient) -> None:
    """Letting somebody in leaves no trace of key, title, name or token."""
    key = hold(ground, key_for(ground), event())
    with structlog.testing.capture_logs() as logs:
        door.get(f"/{key}", headers=HOST)
        ask(door, key)

    assert logs == []
    assert ROOMS.token_secret not in repr(ROOMS)
    assert repr(admit(ground, ROOMS, key, "Ann")) == f"Pass(expires={int(NOW.timestamp()) + 3600})"


def test_a_cancelled_event_leaves_the_way_to_its_page() -> None:
    """Through the whole flow: the row of an event that was cancelled still names the meeting that it had."""
    world = World()
    try:
        world.connect()
        made = world.insert()["id"]
        world.settle()
        (row,) = world.rows()
        world.cancel(made)
        world.settle()
        (after,) = world.rows()
    finally:
        world.close()

    assert row.meeting is not None
    assert (after.meeting, after.former, row.former) == (None, row.meeting, None)
