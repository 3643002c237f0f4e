"""The contract of functions.ports.OAuth: the one in memory, and Google's over a socket to the local Calendar server."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from random import Random
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from conference.errors import Later, OutcomeUnknown, Refused, Revoked
from functions.ports import Asking, Granted, OAuth
from infra.google.oauth import Client, Endpoints, GoogleOAuth, development_client, local_endpoints, read_client
from infra.local.calendar.server import CalendarServer
from infra.local.calendar.serving import running
from infra.local.memory import ManualClock
from infra.local.memory_oauth import MemoryOAuth
from tests.contract.oauth.office import pems

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ALICE = "alice@example.com"
BACK = "http://127.0.0.1:8900/consent/callback"
EVENTS = "https://www.googleapis.com/auth/calendar.events"
LISTS = "https://www.googleapis.com/auth/calendar.calendars.readonly"
EMAIL = "https://www.googleapis.com/auth/userinfo.email"
VERIFIER = "a-verifier-of-forty-three-letters-or-more-_~."
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


class Bench(Protocol):
    """An authorization server with people in front of it."""

    clock: ManualClock

    @property
    def oauth(self) -> OAuth:
        """The port."""

    def agree(self, address: str, account: str = ALICE, scopes: list[str] | None = None) -> dict[str, str]:
        """Agree to these scopes (None: to all) at the address; what comes back."""

    def withdraw(self, account: str = ALICE) -> None:
        """End the account's consent at the server."""


class InMemory:
    """The fake."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOON)
        self.oauth = MemoryOAuth(self.clock)

    def agree(self, address: str, account: str = ALICE, scopes: list[str] | None = None) -> dict[str, str]:
        """Agree."""
        return self.oauth.consent(address, account, scopes=scopes)

    def withdraw(self, account: str = ALICE) -> None:
        """Withdraw."""
        self.oauth.end(account)


class OverSocket:
    """Google's adapter, and a browser's requests to the local Calendar server's pages."""

    def __init__(self, base: str, client: httpx.Client, clock: ManualClock) -> None:
        self.clock, self._base, self._client = clock, base, client
        self.oauth = GoogleOAuth(development_client(), client, clock, endpoints=local_endpoints(base))

    def agree(self, address: str, account: str = ALICE, scopes: list[str] | None = None) -> dict[str, str]:
        """Press Allow, with these boxes ticked."""
        parts = urlsplit(address)
        form: dict[str, Any] = {name: values[0] for name, values in parse_qs(parts.query).items()}
        form |= {"account": account, "decision": "allow", "grant": scopes or form["scope"].split()}
        answer = self._client.post(f"{self._base}{parts.path}", data=form)
        assert answer.status_code == 302, answer.text
        query = urlsplit(answer.headers["location"]).query
        return {name: values[0] for name, values in parse_qs(query).items()}

    def withdraw(self, account: str = ALICE) -> None:
        """As on the account's own page."""
        self._client.post(f"{self._base}/control/tokens", json={"user": account}).raise_for_status()


@pytest.fixture(params=["memory", "socket"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Each server in turn."""
    if request.param == "memory":
        yield InMemory()
        return
    clock = ManualClock(NOON)
    server = CalendarServer(clock.now, Random(1), new_key=lambda: pems()[0])  # noqa: S311 - seeded on purpose
    with running(server) as base, httpx.Client(timeout=10, follow_redirects=False, trust_env=False) as client:
        yield OverSocket(base, client, clock)


def asking(*scopes: str, **how: Any) -> Asking:
    """What is asked for, unless told otherwise."""
    return Asking(scopes or ("openid", EMAIL, EVENTS, LISTS), "the-state", CHALLENGE, BACK, **how)


def granted(bench: Bench, **how: Any) -> Granted:
    """What a consent yields."""
    back = bench.agree(bench.oauth.address(asking()), **how)
    return bench.oauth.exchange(back["code"], verifier=VERIFIER, redirect=BACK)


def test_a_person_is_sent_to_the_server_with_all_that_was_asked(bench: Bench) -> None:
    """The address lies at the server's origin, and the state comes back as it went."""
    address = bench.oauth.address(asking(account=ALICE))

    assert address.startswith(f"{bench.oauth.origin}/")
    assert bench.agree(address)["state"] == "the-state"


def test_a_code_is_exchanged_once(bench: Bench) -> None:
    """Tokens for it, with when they end; the same code again is refused (S15)."""
    back = bench.agree(bench.oauth.address(asking()))
    first = bench.oauth.exchange(back["code"], verifier=VERIFIER, redirect=BACK)

    assert first.refresh
    assert first.scopes >= {EVENTS, LISTS}
    assert timedelta(minutes=55) < first.expires - NOON <= timedelta(hours=1)
    assert first.issued in {None, NOON}
    with pytest.raises(Refused):
        bench.oauth.exchange(back["code"], verifier=VERIFIER, redirect=BACK)


@pytest.mark.parametrize(
    "changed", [{"verifier": VERIFIER[::-1]}, {"redirect": f"{BACK}/"}, {"redirect": "https://elsewhere.example/"}]
)
def test_a_code_is_good_for_its_own_asker_only(bench: Bench, changed: dict[str, str]) -> None:
    """Another verifier (PKCE) or another address: refused."""
    back = bench.agree(bench.oauth.address(asking()))

    with pytest.raises(Refused):
        bench.oauth.exchange(back["code"], **{"verifier": VERIFIER, "redirect": BACK, **changed})


def test_a_code_gets_old(bench: Bench) -> None:
    """Ten minutes."""
    back = bench.agree(bench.oauth.address(asking()))
    bench.clock.advance(timedelta(minutes=10))

    with pytest.raises(Refused):
        bench.oauth.exchange(back["code"], verifier=VERIFIER, redirect=BACK)


def test_an_invented_code_is_refused(bench: Bench) -> None:
    """Whatever it is."""
    with pytest.raises(Refused):
        bench.oauth.exchange("invented", verifier=VERIFIER, redirect=BACK)


def test_narrower_scopes_are_told(bench: Bench) -> None:
    """What the person unticked is not among what was granted (S16)."""
    got = granted(bench, scopes=[LISTS])

    assert LISTS in got.scopes
    assert EVENTS not in got.scopes


def test_a_refresh_token_gives_access_tokens(bench: Bench) -> None:
    """Another one each time, good for longer."""
    first = granted(bench)
    bench.clock.advance(timedelta(minutes=30))
    again = bench.oauth.refresh(first.refresh or "")

    assert again.access != first.access
    assert again.expires > first.expires
    assert again.scopes == first.scopes


def test_without_offline_access_there_is_no_refresh_token(bench: Bench) -> None:
    """Who only says who they are leaves nothing that lasts."""
    address = bench.oauth.address(asking("openid", EMAIL, offline=False))
    back = bench.agree(address)
    got = bench.oauth.exchange(back["code"], verifier=VERIFIER, redirect=BACK)

    assert got.refresh is None
    assert bench.oauth.person(got).email == ALICE


def test_the_person_is_told_by_number_and_address(bench: Bench) -> None:
    """The number is the same at each consent, and another account has another."""
    first, again = bench.oauth.person(granted(bench)), bench.oauth.person(granted(bench))
    other = bench.oauth.person(granted(bench, account="bob@example.com"))

    assert first == again
    assert first.email == ALICE
    assert (other.email, other.sub != first.sub) == ("bob@example.com", True)


def test_a_withdrawn_consent_is_noticed(bench: Bench) -> None:
    """By Revoked, which a person must answer."""
    got = granted(bench)
    bench.withdraw()

    with pytest.raises(Revoked, match="invalid_grant"):
        bench.oauth.refresh(got.refresh or "")
    with pytest.raises(Refused):
        bench.oauth.person(got)


def test_revoking_ends_everything_and_may_be_repeated(bench: Bench) -> None:
    """By the refresh token; a second time is success too, and so is a token that never was."""
    got = granted(bench)
    bench.oauth.revoke(got.refresh or "")
    bench.oauth.revoke(got.refresh or "")
    bench.oauth.revoke("1//never-was")

    with pytest.raises(Revoked):
        bench.oauth.refresh(got.refresh or "")
    with pytest.raises(Refused):
        bench.oauth.person(got)


# ---- what only the wire can do ----------------------------------------------------------------


class _Answers(BaseHTTPRequestHandler):
    status, headers_out, body = 200, {}, b""  # type: ignore[var-annotated]  # set on a subclass for each test

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.send_response(self.status)
        for name, value in {"Content-Length": str(len(self.body)), **self.headers_out}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.body)

    do_GET = do_POST = _answer  # noqa: N815 - the names the server calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name the server gives it
        """Say nothing."""


@contextmanager
def answering(status: int, body: bytes = b"", **headers: str) -> Iterator[GoogleOAuth]:
    """The adapter before a server that answers everything so."""
    kind = type("Answers", (_Answers,), {"status": status, "headers_out": headers, "body": body})
    with HTTPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        base = f"http://127.0.0.1:{server.server_port}"
        try:
            with httpx.Client(timeout=5, follow_redirects=False, trust_env=False) as client:
                yield GoogleOAuth(Client("id", "canary-secret"), client, ManualClock(NOON), endpoints=_all_at(base))
        finally:
            server.shutdown()
            thread.join()


def _all_at(base: str) -> Endpoints:
    return Endpoints(f"{base}/auth", f"{base}/token", f"{base}/revoke", f"{base}/userinfo")


GOT = Granted("canary-access", NOON, frozenset())
ODD = [
    (500, b""),
    (503, b"<html>"),
    (429, b"{}"),
    (302, b""),
    (200, b""),
    (200, b"[]"),
    (200, b'{"access_token": 7}'),
    (200, b'{"access_token": "a", "expires_in": 1e300}'),
    (200, b"\xff\xfe"),
    (200, b"[" * 5000),
    (200, b" " * 70_000),
    (401, b'{"error": "invalid_client"}'),
    (400, b'{"error": "canary-access"}'),
    (403, b'{"error": 7}'),
]


@pytest.mark.parametrize(("status", "body"), ODD)
def test_whatever_is_answered_becomes_an_error_of_ours(status: int, body: bytes) -> None:
    """A refresh is Later, an exchange refused or of unknown outcome, a person is not guessed; no secret is told."""
    with answering(status, body, Location="http://169.254.169.254/") as oauth:
        with pytest.raises(Later) as refreshing:
            oauth.refresh("canary-refresh")
        with pytest.raises((Refused, OutcomeUnknown)) as exchanging:
            oauth.exchange("canary-code", verifier=VERIFIER, redirect=BACK)
        with pytest.raises((Refused, Later)) as asking_who:
            oauth.person(GOT)

    told = f"{refreshing.value!r} {exchanging.value!r} {asking_who.value!r}"
    assert "canary" not in told
    assert refreshing.value.__context__ is None or "canary" not in repr(refreshing.value.__context__)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, b'{"error": "invalid_request"}', Refused),
        (400, b'{"error": "unsupported_token_type"}', Refused),
        (400, b"<html>", Refused),
        (401, b'{"error": "invalid_client"}', Refused),
        (403, b'{"error": "access_denied"}', Refused),
        (400, b'{"error": "temporarily_unavailable"}', Later),
        (403, b'{"error": "rate_limit_exceeded"}', Later),
        (403, b"<html>", Later),
        (404, b"", Later),
        (408, b'{"error": "access_denied"}', Later),
        (429, b'{"error": "access_denied"}', Later),
        (302, b"", Later),
        (500, b'{"error": "access_denied"}', Later),
        (503, b"<html>", Later),
    ],
)
def test_a_revocation_is_refused_only_where_asking_again_would_not_help(
    status: int, body: bytes, error: type[Exception]
) -> None:
    """The server's own no is final; what passes, and what somebody on the way says, is not."""
    with answering(status, body, Location="http://169.254.169.254/") as oauth, pytest.raises(error) as told:
        oauth.revoke("canary-token")

    assert "canary" not in f"{told.value!r} {told.value}"


def test_a_wrong_client_waits_for_its_operator() -> None:
    """No user is told to consent again; it is tried again in an hour."""
    with answering(401, b'{"error": "invalid_client"}') as oauth, pytest.raises(Later, match="invalid_client") as told:
        oauth.refresh("r")

    assert told.value.after == timedelta(hours=1)


@pytest.mark.parametrize("verified", ["false", "null", '"true"'])
def test_an_address_that_is_not_verified_is_nobodys(verified: str) -> None:
    """Else whoever may name any address at the server would be its owner here."""
    body = f'{{"sub": "1", "email": "{ALICE}", "email_verified": {verified}}}'.encode()
    with answering(200, body) as oauth, pytest.raises(Refused):
        oauth.person(GOT)


def test_a_server_that_is_not_there_is_later() -> None:
    """Nothing was done."""
    with httpx.Client(timeout=1, follow_redirects=False, trust_env=False) as client:
        oauth = GoogleOAuth(Client("i", "s"), client, ManualClock(NOON), endpoints=_all_at("http://127.0.0.1:9"))
        with pytest.raises(Later):
            oauth.exchange("c", verifier=VERIFIER, redirect=BACK)
        with pytest.raises(Later):
            oauth.revoke("t")


@pytest.mark.parametrize("kind", ["web", "installed"])
def test_the_consoles_client_file_is_read(kind: str) -> None:
    """Of either kind, whatever else it holds."""
    text = f'{{"{kind}": {{"client_id": "i", "client_secret": "s", "project_id": "p"}}}}'

    assert read_client(text) == Client("i", "s")
    assert repr(read_client(text)) == "Client(id='i')"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"web": {"client_id": "canary"}}', '{"web": {"client_id": ""}}'])
def test_what_is_no_client_file_is_refused_unquoted(text: str) -> None:
    """It holds a secret, so nothing of it is told."""
    with pytest.raises(ValueError, match="client") as told:
        read_client(text)

    assert "canary" not in str(told.value)
