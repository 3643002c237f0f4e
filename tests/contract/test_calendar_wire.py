"""The Calendar client on a wire that fails: servers on this machine that hang, hang up, cut off and redirect."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from google.auth.credentials import Credentials
from google.auth.exceptions import RefreshError

from conference.errors import Later, LockstepError, OutcomeUnknown, Refused, Revoked
from infra.google.calendar import GoogleCalendar
from infra.google.credentials import DevCredentials
from infra.google.wire import LARGEST, Doors

USER, CALENDAR, EVENT = "alice@example.com", "alice@example.com", "e1"
WHEN = datetime(2026, 11, 20, tzinfo=UTC)
SHORT = 0.15
LONG = 10.0

Act = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One request, handed to the server's act."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # headers and body leave together
    server: "Server"

    def do(self) -> None:
        """Note it, read it whole, and let the act decide."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.command, self.path.split("?")[0], self.headers.get("Authorization", "")))
        self.server.act(self)

    do_GET = do_POST = do_PATCH = do_DELETE = do  # noqa: N815 - http.server looks for these names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server names it
        """Tests are quiet."""

    def reply(self, status: int, body: object = None, **headers: str) -> None:
        """Answer with JSON."""
        content = json.dumps(body if body is not None else {}).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)


class Server(ThreadingHTTPServer):
    """Does what the test tells it to each request."""

    daemon_threads = True
    block_on_close = True
    request_queue_size = 64

    def __init__(self, act: Act) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.act = act
        self.seen: list[tuple[str, str, str]] = []
        self.over = threading.Event()
        self.connections = 0
        self.closed = threading.Semaphore(0)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Count the connections."""
        accepted = super().get_request()
        self.connections += 1
        return accepted

    @property
    def endpoint(self) -> str:
        """Where Calendar's paths begin."""
        return f"http://127.0.0.1:{self.server_port}/calendar/v3/"


@contextlib.contextmanager
def serving(act: Act) -> Iterator[Server]:
    """Serve until the block ends; then whatever still hangs is let go."""
    with Server(act) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()


def hang(request: Request) -> None:
    """Never answer."""
    server = request.server
    server.over.wait(timeout=20)
    request.close_connection = True


def hang_up(request: Request) -> None:
    """Close without an answer."""
    request.close_connection = True
    request.wfile.flush()
    request.connection.shutdown(socket.SHUT_RDWR)
    request.server.closed.release()


def cut_off(request: Request) -> None:
    """Promise more than is sent."""
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b'{"id": "e1"')
    hang_up(request)


def too_large(request: Request) -> None:
    """Promise more than anybody should read."""
    request.send_response(200)
    request.send_header("Content-Length", str(LARGEST + 1))
    request.end_headers()
    request.close_connection = True


def an_event(request: Request) -> None:
    """Answer with the event whose id stands last in the path."""
    request.reply(200, {"id": request.path.split("?")[0].rsplit("/", 1)[-1], "etag": '"1"'})


def an_event_then_close(request: Request) -> None:
    """Answer as if the connection stayed open, and close it."""
    an_event(request)
    hang_up(request)


Call = Callable[[GoogleCalendar], object]

READS: dict[str, Call] = {
    "calendar": lambda c: c.calendar(USER, CALENDAR),
    "changes": lambda c: c.changes(USER, CALENDAR, token="t"),
    "get": lambda c: c.get(USER, CALENDAR, EVENT),
    "find": lambda c: c.find(USER, CALENDAR, "uid"),
    "upcoming": lambda c: c.upcoming(USER, CALENDAR, since=WHEN, until=WHEN + timedelta(days=1)),
    "stop": lambda c: c.stop(USER, channel="c", resource_id="r"),
}
WRITES: dict[str, Call] = {
    "insert": lambda c: c.insert(USER, CALENDAR, {"summary": "x"}),
    "patch": lambda c: c.patch(USER, CALENDAR, EVENT, {"summary": "x"}, etag='"1"'),
    "delete": lambda c: c.delete(USER, CALENDAR, EVENT),
    "watch": lambda c: c.watch(USER, CALENDAR, channel="c", secret="s", address="https://x.example", life=60),
}
ALL = {**READS, **WRITES}


def patience(act: Act) -> float:
    """Wait for a hanging server no longer than a test likes, for any other as long as a busy machine needs."""
    return SHORT if act is hang else LONG


def outcome(call: Call, server: Server) -> object:
    """What the call raises, or returns."""
    with GoogleCalendar(DevCredentials, server.endpoint, timeout=patience(server.act)) as calendar:
        try:
            return call(calendar)
        except LockstepError as error:
            return error


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("act", [hang, hang_up, cut_off, too_large], ids=lambda act: act.__name__)
def test_no_usable_answer(name: str, act: Act) -> None:
    """However an answer fails to come, every call ends in time: a read may be repeated, a write is in doubt."""
    with serving(act) as server:
        error = outcome(ALL[name], server)

    assert type(error) is (OutcomeUnknown if name in WRITES else Later)


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("act", [hang, hang_up, cut_off], ids=lambda act: act.__name__)
def test_a_write_is_sent_once(name: str, act: Act) -> None:
    """A write that may have been done is never sent a second time by the layers below."""
    with serving(act) as server:
        outcome(WRITES[name], server)

        assert len(server.seen) == 1


@pytest.mark.parametrize("name", ALL)
def test_unreachable(name: str) -> None:
    """Where nobody listens nothing was sent, so even a write may simply be repeated."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{reserved.getsockname()[1]}/calendar/v3/"
        with GoogleCalendar(DevCredentials, endpoint, timeout=SHORT) as calendar, pytest.raises(Later) as caught:
            ALL[name](calendar)

    assert caught.value.where is not None
    assert caught.value.where.reason == "unreachable"


def test_a_connection_closed_while_idle_costs_nothing() -> None:
    """A server may close a connection between two calls: the next write finds out before it sends."""
    signer = DevCredentials(USER)
    with serving(an_event_then_close) as server, GoogleCalendar(lambda _: signer, server.endpoint) as calendar:
        for _ in range(5):
            assert calendar.patch(USER, CALENDAR, EVENT, {"summary": "x"}, etag='"1"').id == EVENT
            assert server.closed.acquire(timeout=LONG)

        assert len(server.seen) == 5


def test_connections_are_kept() -> None:
    """Calls one after another share a connection while the credentials stay the same."""
    signer = DevCredentials(USER)
    with serving(an_event) as server, GoogleCalendar(lambda _: signer, server.endpoint) as calendar:
        for _ in range(10):
            calendar.get(USER, CALENDAR, EVENT)

        assert server.connections == 1


def test_new_credentials_take_a_new_connection() -> None:
    """A new consent never travels through a door that was opened for an old one."""
    with serving(an_event) as server, GoogleCalendar(DevCredentials, server.endpoint) as calendar:
        for _ in range(3):
            calendar.get(USER, CALENDAR, EVENT)

        assert server.connections == 3


def test_a_timed_out_answer_reaches_nobody_else() -> None:
    """An answer that comes too late is not read as the answer to the next call."""
    first, gave_up = threading.Event(), threading.Event()

    def late_then_right(request: Request) -> None:
        if not first.is_set():
            first.set()
            assert gave_up.wait(timeout=LONG)
        with contextlib.suppress(OSError):
            an_event(request)

    signer = DevCredentials(USER)
    with (
        serving(late_then_right) as server,
        GoogleCalendar(lambda _: signer, server.endpoint, timeout=4 * SHORT) as calendar,
    ):
        with pytest.raises(Later):
            calendar.get(USER, CALENDAR, "late")
        gave_up.set()
        answers = [calendar.get(USER, CALENDAR, f"e{index}").id for index in range(5)]

    assert answers == [f"e{index}" for index in range(5)]


def test_threads_get_their_own_answers() -> None:
    """Eight threads with fifty reads each, one signer and one client: every answer reaches its caller."""
    signer = DevCredentials(USER)
    with serving(an_event) as server, GoogleCalendar(lambda _: signer, server.endpoint) as calendar:

        def read(lane: int) -> list[bool]:
            return [calendar.get(USER, CALENDAR, f"e{lane}x{n}").id == f"e{lane}x{n}" for n in range(50)]

        with ThreadPoolExecutor(8) as lanes:
            right = [answer for answers in lanes.map(read, range(8)) for answer in answers]

    assert right == [True] * 400


def test_redirects_are_not_followed() -> None:
    """A redirect would carry the user's token elsewhere: it is refused."""
    with (
        serving(an_event) as elsewhere,
        serving(lambda request: request.reply(307, Location=elsewhere.endpoint + "e2")) as server,
    ):
        error = outcome(READS["get"], server)

        assert isinstance(error, Refused)
        assert elsewhere.seen == []


# ---- Signing --------------------------------------------------------------------------------


class Renewable(Credentials):
    """Credentials that ask a token server on this machine."""

    def __init__(self, token_server: str, token: str | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # google-auth annotates nothing
        self.token = token
        self.token_server = token_server

    def refresh(self, request: Any) -> None:
        """Ask for a token."""
        answer = request(self.token_server, method="POST")
        if answer.status != 200:
            raise RefreshError("invalid_grant")
        self.token = json.loads(answer.data)["token"]


def only_fresh(request: Request) -> None:
    """Admit the fresh token alone; /token gives it out."""
    if request.path.endswith("/token"):
        request.reply(200, {"token": "fresh"})
    elif request.headers["Authorization"] == "Bearer fresh":
        an_event(request)
    else:
        request.reply(401, {"error": {"errors": [{"reason": "authError"}], "code": 401}})


@pytest.mark.parametrize("held", [None, "worn"])
@pytest.mark.parametrize("name", ["get", "insert", "patch"])
def test_a_worn_token_is_renewed_once(name: str, held: str | None) -> None:
    """A missing or worn access token is renewed on the way, and the call is made again, its body whole."""
    with (
        serving(only_fresh) as server,
        GoogleCalendar(lambda _: Renewable(server.endpoint + "token", held), server.endpoint) as calendar,
    ):
        ALL[name](calendar)

        assert len(server.seen) == (2 if held is None else 3)


def test_a_token_that_never_fits() -> None:
    """When even the new token is refused the consent is gone; it is not tried for ever."""

    def never(request: Request) -> None:
        request.reply(200, {"token": "t"}) if request.path.endswith("/token") else request.reply(401)

    with (
        serving(never) as server,
        GoogleCalendar(lambda _: Renewable(server.endpoint + "token"), server.endpoint) as calendar,
    ):
        with pytest.raises(Revoked):
            calendar.get(USER, CALENDAR, EVENT)

        assert len(server.seen) == 4


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (lambda request: request.reply(400, {"error": "invalid_grant"}), Revoked),
        (lambda request: request.reply(502), Later),
        (lambda request: request.reply(429), Later),
        (hang, Later),
        (hang_up, Later),
        (cut_off, Later),
    ],
    ids=["refused", "502", "429", "hang", "hang_up", "cut_off"],
)
@pytest.mark.parametrize("name", ["get", "insert"])
def test_troubles_of_the_token_server(act: Act, kind: type[LockstepError], name: str) -> None:
    """Only a refused grant is a withdrawn consent; otherwise nothing was sent, and even a write may be repeated."""
    with (
        serving(act) as tokens,
        serving(an_event) as server,
        GoogleCalendar(
            lambda _: Renewable(tokens.endpoint + "token"), server.endpoint, timeout=patience(act)
        ) as calendar,
    ):
        with pytest.raises(LockstepError) as caught:
            ALL[name](calendar)

        assert type(caught.value) is kind
        assert server.seen == []


# ---- Lending --------------------------------------------------------------------------------


class CountedDoor:
    """A door that knows whether it is open and whether two use it at once."""

    def __init__(self) -> None:
        self.open = True
        self.users = 0

    def request(self, uri: str, method: str = "GET", body: Any = None, headers: Any = None) -> Any:
        """Answer nothing in particular."""
        del uri, method, body, headers
        self.users += 1
        assert self.users == 1
        assert self.open
        self.users -= 1
        return None, b""

    def close(self) -> None:
        """Remember it."""
        self.open = False


def test_idle_doors_are_bounded() -> None:
    """Many users leave few doors open, the latest ones; closing closes them all."""
    made: list[CountedDoor] = []
    signers = [DevCredentials(f"u{index}@example.com") for index in range(20)]

    def make(_: Credentials) -> CountedDoor:
        made.append(CountedDoor())
        return made[-1]

    doors = Doors(make, idle=4)
    for signer in signers:
        doors.exchange(signer, "https://x.example", "GET", None, {})
    opened = [door.open for door in made]
    doors.close()

    assert opened == [False] * 16 + [True] * 4
    assert not any(door.open for door in made)
