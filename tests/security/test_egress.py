"""What leaves us, and where to: no address of a stranger's choosing, no wait and no answer without end."""

from __future__ import annotations

import ast
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.errors import Later, LockstepError, OutcomeUnknown, Refused
from conference.meeting import MeetingId, MeetingRef, MeetingSpec, Slot
from conference.providers.exchange import MAX_ANSWER
from conference.providers.http import HttpProvider
from conference.providers.janus import JanusProvider
from infra.google.calendar import GoogleCalendar
from infra.google.client import GOOGLE
from infra.google.credentials import DevCredentials
from infra.google.keys import JwksOverHttp
from infra.google.oauth import Client, GoogleOAuth, local_endpoints
from infra.local.memory import ManualClock
from infra.settings import FIELDS, BadSettings, Settings, settings_of
from infra.wiring import local
from tests.world import ALICE, START

ROOT = Path(__file__).parents[2]
METADATA = ["169.254.169.254", "metadata.google.internal", "[fd00:ec2::254]", "0.0.0.0", "2130706433"]
SPEC = MeetingSpec("x", Slot(START, START + timedelta(hours=1), "Europe/Zurich"), ALICE)

# ---- where requests go ------------------------------------------------------------------------

ODD = ["..", ".", "/", "../..", "%2e%2e", "..%2f", "//169.254.169.254/", "@169.254.169.254/", "?x=1", "#", "\\..\\"]
ODD += ["a/../b", "http://169.254.169.254/", "\r\nHost: x", "\x00", ";", "\ud800", "é", "m" * 2000]
IDS = st.text(max_size=40) | st.sampled_from(ODD)


class Noted(httpx.BaseTransport):
    """Notes where requests are sent, and answers that there is nothing."""

    def __init__(self, status: int = 404, headers: dict[str, str] | None = None) -> None:
        self.asked: list[httpx.Request] = []
        self._status, self._headers = status, headers or {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Note it."""
        self.asked.append(request)
        return httpx.Response(self._status, headers=self._headers, stream=httpx.ByteStream(b""))


def provider(transport: httpx.BaseTransport) -> HttpProvider:
    """A provider over this transport."""
    return HttpProvider(
        "acme", "https://acme.example/api", token="t", account="main", client=httpx.Client(transport=transport)
    )


@given(IDS)
def test_no_id_leads_elsewhere(name: str) -> None:
    """Ids come from events, so from anybody: whatever they hold, one segment below /meetings is asked or nothing."""
    noted = Noted()
    it, ref = provider(noted), MeetingRef("acme", "main", MeetingId(name))
    acts: list[Callable[[], object]] = [
        lambda: it.get(ref),
        lambda: it.delete(ref),
        lambda: it.update(ref, SPEC, key="k"),
        lambda: it.find(name.encode("utf-8", "replace").decode()),
        lambda: it.create(SPEC, key=name),
    ]
    for act in acts:
        with suppress(LockstepError):
            act()

    for asked in noted.asked:
        assert (asked.url.scheme, asked.url.host) == ("https", "acme.example")
        path = asked.url.raw_path.decode().partition("?")[0]
        assert path.startswith("/api/meetings")
        assert path.count("/") <= 3
        assert path.rpartition("/")[2] not in {"", ".", ".."}


class Listening:
    """A connection of the Calendar client that notes addresses."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def request(self, uri: str, *_: object, **__: object) -> Any:
        """Note it, as if nobody answered."""
        self.asked.append(uri)
        raise ConnectionRefusedError


@given(IDS, IDS)
def test_no_event_leads_elsewhere(calendar: str, event: str) -> None:
    """Neither a calendar's nor an event's id leaves its place in the path of the Calendar API."""
    noted = Listening()
    with GoogleCalendar(DevCredentials, http=cast("Any", lambda _: noted)) as it:
        with suppress(LockstepError):
            it.get(ALICE, calendar, event)
        with suppress(LockstepError):
            it.patch(ALICE, calendar, event, {}, etag='"1"')

    for asked in noted.asked:
        assert asked.startswith(f"{GOOGLE}calendars/")
        assert urlsplit(asked).path.count("/") == GOOGLE.count("/") - 2 + 3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("host", METADATA)
def test_redirects_lead_nowhere(status: int, host: str) -> None:
    """An answer that points to a metadata server, or anywhere, is an answer: nothing more is asked."""
    noted = Noted(status, {"Location": f"http://{host}/latest/meta-data/"})

    with pytest.raises(Refused):
        provider(noted).get(MeetingRef("acme", "main", MeetingId("m")))
    assert [asked.url.host for asked in noted.asked] == ["acme.example"]


def test_keys_are_not_fetched_elsewhere() -> None:
    """A redirected key set is no key set."""
    noted = Noted(302, {"Location": "http://169.254.169.254/"})

    with pytest.raises(Later):
        JwksOverHttp("https://issuer.example/keys", httpx.Client(transport=noted), ManualClock(START)).keys()
    assert len(noted.asked) == 1


PLAIN = frozenset(
    [
        *("addon_account", "addon_audiences", "addon_client", "addon_domains", "addon_name", "addon_solutions"),
        *("calendar", "client_file", "delegation_account", "firestore_jar", "http_account", "http_join_hosts"),
        *("project", "region", "script_id", "script_scopes", "script_zone", "scripts"),
        *("task_queue", "time_zone", "user"),
    ]
)
"""Settings of text that name no address."""
SHOWN = frozenset({"public_url", "addon_logo", "addon_login_url", "addon_settings_url"})
"""Those that do: Google and people are shown them, and nothing of ours calls them."""
CALLED = frozenset({"http_url"})
"""The one that is called; tests/unit/test_settings.py shows that it leads to public names only."""
COLLECTORS = frozenset({"telemetry_endpoint"})
"""Where an operator has the product's own figures sent; a collector may stand beside it, so any address will do."""


def test_settings_name_no_address(tmp_path: Path) -> None:
    """No setting but one chooses a host: all that this machine's ground calls is on it, whatever the settings say.

    A setting that names an address needs a check of its own: an allow-list, and no link-local or metadata address.
    """
    texts = {name for name, field in FIELDS.items() if field.type == "str"}
    odd = Settings(state=tmp_path, janus="off", calendar="http://169.254.169.254/", user="x@169.254.169.254")
    addresses = {name: getattr(odd, name) for name, made in vars(Settings).items() if isinstance(made, property)}

    assert texts == PLAIN | SHOWN | CALLED | COLLECTORS
    assert sorted(addresses) == ["base_url", "calendar_url", "vendor_url"]
    assert {urlsplit(address).hostname for address in addresses.values()} == {"127.0.0.1"}


def test_addresses_that_are_shown_are_not_called() -> None:
    """They go into answers, manifests, tasks and channels, for Google to call; nothing of ours calls them."""
    readers = {
        path
        for path, module in product()
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute) and node.attr in SHOWN
    }

    grounds = {"infra/consistent.py", "infra/google/edge.py"}
    assert readers == {"infra/addon.py", "infra/google/manifest.py", "infra/script.py", *grounds}


@pytest.mark.parametrize("value", ["80/@169.254.169.254", "80#", "8901.5", "", "0x50", "-1", "99999"])
def test_a_port_is_a_number(value: str) -> None:
    """A port cannot smuggle a host into an address."""
    with pytest.raises(BadSettings, match="PORT"):
        settings_of({"LOCKSTEP_VENDOR_PORT": value})


# ---- how long and how much --------------------------------------------------------------------

EXCUSED = {
    ("infra/google/client.py", "httplib2.Http"): "never used: every call brings its own connection",
    ("infra/local/stack.py", "httpx.Client"): "asks our own processes; httpx follows no redirect unless told to",
    ("infra/local/janus.py", "httpx.Client"): "asks our own Janus; httpx follows no redirect unless told to",
    ("infra/local/demo/world.py", "httpx.Client"): "a person at the demonstration; the same",
    ("infra/local/demo/person.py", "httplib2.Http"): "the same person in the calendar",
}
OTHER_WAYS = {"urllib.request", "http.client", "requests", "aiohttp", "urllib3", "ftplib", "smtplib", "telnetlib"}


def product() -> Iterator[tuple[str, ast.Module]]:
    """Every module of the product, by its path."""
    folders = ("conference", "functions", "infra")
    for file in [ROOT / "main.py", *(file for folder in folders for file in (ROOT / folder).rglob("*.py"))]:
        yield file.relative_to(ROOT).as_posix(), ast.parse(file.read_text(encoding="utf-8"))


def test_every_client_is_bounded() -> None:
    """Whoever makes an HTTP client says how long it waits, that it follows no redirect and trusts no environment."""
    made = [
        (path, ast.unparse(node.func), {keyword.arg for keyword in node.keywords})
        for path, module in product()
        for node in ast.walk(module)
        if isinstance(node, ast.Call)
    ]
    clients = [one for one in made if one[1] in {"httpx.Client", "httpx.AsyncClient", "httplib2.Http"}]
    loose = {(path, name) for path, name, told in clients if not {"timeout", "follow_redirects", "trust_env"} <= told}

    assert len(clients) > len(EXCUSED)
    assert loose == EXCUSED.keys()
    assert [path for path, name, told in clients if "timeout" not in told] == ["infra/google/client.py"]
    assert not [path for path, name, _ in made if name in {"httpx.get", "httpx.post", "httpx.request", "httpx.stream"}]


def test_there_is_no_other_way_out() -> None:
    """Requests leave by httpx and, to Google, by httplib2 under `infra.google.wire`; no module knows another way.

    But for what a cold start sends to Firestore, to Cloud Tasks and for its token, by `infra.google.rest`, and for what
    OpenTelemetry's own exporter sends to a collector (telemetry/test_sending.py).
    """
    found = {
        (path, name)
        for path, module in product()
        for node in ast.walk(module)
        for name in _imported(node)
        if name in OTHER_WAYS
    }

    # What they import of it are the names of errors and statuses, and the connection that is guarded.
    assert found == {
        ("infra/google/errors.py", "http.client"),
        ("infra/google/wire.py", "http.client"),
        ("infra/google/rest.py", "http.client"),
        ("infra/otlp.py", "requests"),
    }


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def test_default_waits() -> None:
    """Connecting, reading, writing and waiting for a connection: each has an end, well before a task's lease."""
    noted = Noted()
    with suppress(LockstepError):
        provider(noted).get(MeetingRef("acme", "main", MeetingId("m")))
    with suppress(LockstepError):
        JwksOverHttp("https://issuer.example/keys", httpx.Client(transport=noted), ManualClock(START)).keys()

    assert len(noted.asked) == 2
    for asked in noted.asked:
        waits = asked.extensions["timeout"]
        assert waits.keys() == {"connect", "read", "write", "pool"}
        assert all(0 < wait <= 10 for wait in waits.values())


def test_wired_waits(tmp_path: Path) -> None:
    """The wiring's client waits no longer than the settings allow, and the settings' longest wait fits into a lease."""
    made = local(Settings(state=tmp_path, janus="off"))
    try:
        timeout = made.client.timeout
        assert {timeout.connect, timeout.read, timeout.write, timeout.pool} == {made.settings.timeout}
        assert made.settings.timeout < made.settings.lease
        assert not made.client.follow_redirects
        assert not made.client.trust_env
    finally:
        made.close()


Speak = Callable[[socket.socket], None]


@contextmanager
def speaking(speak: Speak) -> Iterator[str]:
    """A server that takes every connection and then does this; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as server, closing(_Lines()) as lines:
        thread = threading.Thread(target=_serve, args=(server, speak, lines))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


class _Lines(list[socket.socket]):
    def close(self) -> None:
        for line in self:
            line.close()


def _serve(server: socket.socket, speak: Speak, lines: _Lines) -> None:
    with suppress(OSError):
        while True:
            line, _ = server.accept()
            lines.append(line)
            with suppress(OSError):
                speak(line)


def silent(_: socket.socket) -> None:
    """Say nothing."""


def endless(line: socket.socket) -> None:
    """Promise an answer larger than anybody reads, and begin it."""
    line.recv(65536)
    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1099511627776\r\n\r\n")
    for _ in range(2 * MAX_ANSWER // 65536):
        line.sendall(b" " * 65536)


WAIT = 0.3


def ask_calendar(address: str) -> object:
    """Read an event."""
    with GoogleCalendar(DevCredentials, f"{address}/calendar/v3/", timeout=WAIT) as calendar:
        return calendar.get(ALICE, "primary", "e")


def write_calendar(address: str) -> object:
    """Write an event."""
    with GoogleCalendar(DevCredentials, f"{address}/calendar/v3/", timeout=WAIT) as calendar:
        return calendar.patch(ALICE, "primary", "e", {}, etag='"1"')


def ask_http(address: str) -> object:
    """Read a meeting."""
    with httpx.Client(trust_env=False) as client:
        it = HttpProvider("a", address, token="t", account="m", client=client, timeout=httpx.Timeout(WAIT))
        return it.get(MeetingRef("a", "m", MeetingId("m")))


def write_http(address: str) -> object:
    """Make a meeting."""
    with httpx.Client(trust_env=False) as client:
        it = HttpProvider("a", address, token="t", account="m", client=client, timeout=httpx.Timeout(WAIT))
        return it.create(SPEC, key="k")


def write_janus(address: str) -> object:
    """Make a room."""
    secrets: dict[str, Any] = {"admin_secret": "a", "admin_key": "k", "room_secret_seed": b"s"}
    with httpx.Client(trust_env=False) as client:
        timeout = httpx.Timeout(WAIT)
        it = JanusProvider(address, join_base=address, account="m", client=client, timeout=timeout, **secrets)
        return it.create(SPEC, key="k")


def ask_oauth(address: str) -> object:
    """Ask for a token."""
    with httpx.Client(trust_env=False) as client:
        return oauth_at(address, client).refresh("r")


def write_oauth(address: str) -> object:
    """Exchange a code."""
    with httpx.Client(trust_env=False) as client:
        return oauth_at(address, client).exchange("c", verifier="v", redirect="r")


def oauth_at(address: str, client: httpx.Client) -> GoogleOAuth:
    """The authorization server there."""
    ends = local_endpoints(address)
    return GoogleOAuth(Client("i", "s"), client, ManualClock(START), endpoints=ends, timeout=httpx.Timeout(WAIT))


ADAPTERS = [ask_calendar, write_calendar, ask_http, write_http, write_janus, ask_oauth, write_oauth]


@pytest.mark.parametrize("speak", [silent, endless])
@pytest.mark.parametrize("ask", ADAPTERS)
def test_no_answer_holds_us_up(ask: Callable[[str], object], speak: Speak) -> None:
    """A server that says nothing, and one that never ends, cost every adapter a short time and an error of ours."""
    began = time.monotonic()
    with speaking(speak) as address, pytest.raises((Later, OutcomeUnknown, Refused)):
        ask(address)

    assert time.monotonic() - began < 20  # against for ever; the machine may be busy
