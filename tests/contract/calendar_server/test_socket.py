"""Over a real socket: Google's client, real deliveries, the command line, and what survives a kill."""

from __future__ import annotations

import http.client
import json
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import httplib2
import pytest
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from infra.local.calendar.persistence import SqliteState
from infra.local.calendar.server import CalendarServer
from infra.local.calendar.serving import running
from tests.contract.calendar_server.desk import ALICE, BOB, Desk, ids, plain, run

PATIENCE = 20.0
REPOSITORY = Path(__file__).parents[3]


class BearerHttp(httplib2.Http):
    """httplib2 with a user's development token."""

    def __init__(self, user: str) -> None:
        super().__init__(timeout=PATIENCE)
        self._user = user

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Any = None, *rest: Any, **more: Any
    ) -> Any:
        """The request, authorised."""
        named = {**(headers or {}), "authorization": f"Bearer dev:{self._user}"}
        return super().request(uri, method, body, named, *rest, **more)


@contextmanager
def client(base: str, user: str = ALICE) -> Iterator[Any]:
    """Google's client at a server's address."""
    options = {"api_endpoint": f"{base}/calendar/v3/"}
    with closing(BearerHttp(user)) as transport:
        yield build("calendar", "v3", http=transport, client_options=options, static_discovery=True)


@pytest.fixture
def base() -> Iterator[str]:
    """A server on a free port."""
    server = CalendarServer(lambda: datetime.now(UTC), Random(1))  # noqa: S311 - seeded on purpose
    with running(server) as address:
        yield address


@contextmanager
def receiver(statuses: list[int]) -> Iterator[tuple[str, queue.Queue[dict[str, str]]]]:
    """A loopback address that answers with `statuses` in turn, then 204, and the headers that came in."""
    came: queue.Queue[dict[str, str]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.rfile.read(int(self.headers["Content-Length"])) == b""
            self.send_response(statuses.pop(0) if statuses else 204)
            self.end_headers()
            came.put(dict(self.headers.items()))

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/notify", came
        finally:
            server.shutdown()
            thread.join()


def control(base: str, route: str, body: Any) -> int:
    """Post to a control route; the status."""
    where = urlsplit(base)
    with closing(http.client.HTTPConnection(where.hostname or "", where.port, timeout=PATIENCE)) as connection:
        connection.request("POST", f"/control/{route}", json.dumps(body))
        answer = connection.getresponse()
        answer.read()
        return answer.status


def test_googles_client_works_unchanged_over_the_socket(base: str) -> None:
    """1.1.1: write, read, list, follow, delete."""
    with client(base) as service:
        events = service.events()
        event = run(events.insert(calendarId="primary", body={**plain(), "summary": "Café ☕"}))
        token = run(events.list(calendarId="primary"))["nextSyncToken"]
        patched = run(events.patch(calendarId=ALICE, eventId=event["id"], body={"location": "x"}))
        changed = run(events.list(calendarId="primary", syncToken=token))
        stale = events.delete(calendarId="primary", eventId=event["id"])
        stale.headers["If-Match"] = event["etag"]
        with pytest.raises(HttpError) as refusal:
            stale.execute()
        deleted = events.delete(calendarId="primary", eventId=event["id"]).execute()

    assert (event["summary"], patched["location"], ids(changed["items"])) == ("Café ☕", "x", [event["id"]])
    assert refusal.value.resp.status == 412
    assert not deleted


def test_connections_are_kept_alive(base: str) -> None:
    """Many requests over one connection."""
    where = urlsplit(base)
    statuses = []
    with closing(http.client.HTTPConnection(where.hostname or "", where.port, timeout=PATIENCE)) as connection:
        connection.connect()
        first = connection.sock
        headers = {"Authorization": f"Bearer dev:{ALICE}"}
        body = json.dumps({**plain(), "id": "event1"})
        path = "/calendar/v3/calendars/primary/events"
        for method, below, sent in [
            ("POST", "", body),
            ("GET", "/event1", None),
            ("PATCH", "/event1", "{"),
            ("GET", "", None),
        ]:
            connection.request(method, path + below, sent, headers)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        kept = connection.sock is first

    assert statuses == [200, 200, 400, 200]
    assert kept


def test_messages_are_delivered_and_tried_again(base: str) -> None:
    """9.2: sync first, then one for a change; a 503 has the message sent again, a 404 does not."""
    with receiver([204, 503, 204, 404]) as (address, came), client(base) as service:
        body = {"id": "channel-1", "type": "web_hook", "address": address, "token": "secret"}
        watched = run(service.events().watch(calendarId="primary", body=body))
        sync = came.get(timeout=PATIENCE)
        run(service.events().insert(calendarId="primary", body=plain()))
        first, again = came.get(timeout=PATIENCE), came.get(timeout=PATIENCE)
        run(service.events().insert(calendarId="primary", body=plain()))
        failed = came.get(timeout=PATIENCE)
        run(service.events().insert(calendarId="primary", body=plain()))
        last = came.get(timeout=PATIENCE)

    numbers = [int(message["X-Goog-Message-Number"]) for message in (sync, first, again, failed, last)]
    assert (sync["X-Goog-Resource-State"], first["X-Goog-Resource-State"]) == ("sync", "exists")
    assert (sync["X-Goog-Channel-Token"], sync["X-Goog-Resource-ID"]) == ("secret", watched["resourceId"])
    assert numbers[1] == numbers[2]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == 4
    assert first["User-Agent"].startswith("APIs-Google;")


def test_users_at_once_get_their_own_answers(base: str) -> None:
    """One lock around the core: no answer goes to another caller."""
    found: dict[str, list[str]] = {}

    def work(user: str) -> None:
        with client(base, user) as service:
            for number in range(10):
                run(service.events().insert(calendarId="primary", body={**plain(), "summary": f"{user} {number}"}))
            found[user] = [item["summary"] for item in run(service.events().list(calendarId="primary"))["items"]]

    threads = [threading.Thread(target=work, args=(f"user{n}@example.com",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == {f"user{n}@example.com": [f"user{n}@example.com {m}" for m in range(10)] for n in range(4)}


def test_a_delay_is_kept_and_cut_short_at_the_end() -> None:
    """delay_ms holds the answer back; closing the server does not wait for it."""
    server = CalendarServer(lambda: datetime.now(UTC), Random(1))  # noqa: S311 - seeded on purpose
    begun = time.monotonic()
    with running(server) as base:
        assert control(base, "faults", {"delay_ms": 50}) == 200
        with client(base) as service:
            run(service.events().list(calendarId="primary"))
        waited = time.monotonic() - begun
        assert control(base, "faults", {"delay_ms": 600_000}) == 200
        thread = threading.Thread(target=_abandoned, args=(base,))
        thread.start()
        _until(lambda: len(server.requests) == 2)
    thread.join(PATIENCE)

    assert waited >= 0.05
    assert not thread.is_alive()


def _abandoned(base: str) -> None:
    # Whether the answer still goes out before the connection closes is of no interest.
    with client(base) as service, suppress(OSError, http.client.HTTPException, httplib2.HttpLib2Error):
        run(service.events().list(calendarId="primary"))


def _until(condition: Callable[[], bool]) -> None:
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < PATIENCE, "it did not happen"
        threading.Event().wait(0.01)


@contextmanager
def process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The server as a process of its own, and the line it prints."""
    command = [sys.executable, "-m", "infra.local.calendar", *arguments]
    with subprocess.Popen(  # noqa: S603 - our own module
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout is not None
            yield child, child.stdout.readline()
        finally:
            child.kill()
            child.wait()


def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    """Events, versions, tokens and channels are in the file when the answer comes."""
    arguments = ("--port", "0", "--state", str(tmp_path / "calendar.db"), "--zone", "UTC")
    with process(*arguments) as (child, line), client(line.split()[-1].removesuffix("/calendar/v3/")) as service:
        token = run(service.events().list(calendarId="primary"))["nextSyncToken"]
        event = run(service.events().insert(calendarId="primary", body=plain()))
        body = {"id": "channel-1", "type": "web_hook", "address": "http://127.0.0.1:9/x"}
        watched = run(service.events().watch(calendarId="primary", body=body))
        child.kill()
        child.wait()
    with process(*arguments) as (child, line), client(line.split()[-1].removesuffix("/calendar/v3/")) as service:
        changed = run(service.events().list(calendarId="primary", syncToken=token))["items"]
        later = run(service.events().patch(calendarId="primary", eventId=event["id"], body={"summary": "later"}))
        stop = {"id": "channel-1", "resourceId": watched["resourceId"]}
        stopped = service.channels().stop(body=stop).execute()
        child.send_signal(signal.SIGTERM)
        ended = child.wait(PATIENCE)

    assert changed == [event]
    assert later["etag"] > event["etag"]
    assert not stopped
    assert ended == 0


def test_a_taken_port_is_said_plainly() -> None:
    """No traceback: one sentence, and status 1."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with process("--port", str(port)) as (child, line):
            error = child.stderr.read() if child.stderr else ""
            ended = child.wait(PATIENCE)

    assert (ended, line) == (1, "")
    assert f"cannot listen on 127.0.0.1:{port}" in error
    assert "Traceback" not in error


@pytest.mark.parametrize(("option", "value", "says"), [("--zone", "Mars", "Mars"), ("--state", "/", "state file")])
def test_a_bad_option_is_said_plainly(option: str, value: str, says: str) -> None:
    """No traceback here either."""
    with process("--port", "0", option, value) as (child, _):
        error = child.stderr.read() if child.stderr else ""
        ended = child.wait(PATIENCE)

    assert ended == 1
    assert says in error
    assert "Traceback" not in error


def test_a_state_takes_up_where_it_was_left(tmp_path: Path) -> None:
    """Guests' copies, series with exceptions, the clock's offset; a reset empties the file."""
    path = tmp_path / "calendar.db"
    with closing(SqliteState(path)) as state:
        desk = Desk(state)
        desk.token(BOB)
        series: dict[str, Any] = {
            "start": {"date": "2026-12-01"},
            "end": {"date": "2026-12-02"},
            "recurrence": ["RRULE:FREQ=DAILY;COUNT=4"],
        }
        master = desk.insert(**series, attendees=[{"email": BOB}])["id"]
        desk.delete(f"{master}_20261202")
        desk.control("clock", advance_seconds=3600)
        desk.control("calendars", id="team@example.com", owner=ALICE, timeZone="UTC", roles={BOB: "reader"})
        before = [desk.all(user, showDeleted=True) for user in (ALICE, BOB)]
    with closing(SqliteState(path)) as state:
        again = Desk(state, seed=2)
        after = [again.all(user, showDeleted=True) for user in (ALICE, BOB)]
        shared = again.page(BOB, "team@example.com")["accessRole"]
        stamped = again.insert()["updated"]
        occurrences = len(again.page(BOB, singleEvents=True)["items"])
        again.control("reset")
    with closing(SqliteState(path)) as state:
        empty = Desk(state, seed=3).page()["items"]

    assert after == before
    assert (shared, stamped, occurrences, empty) == ("reader", "2026-11-20T11:00:00.000Z", 3, [])
