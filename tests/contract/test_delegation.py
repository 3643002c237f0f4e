"""Domain-wide delegation without a key: signing, token server and Calendar API over sockets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

import httpx
import msgspec
import pytest
from google.auth import credentials, exceptions

from conference.errors import Later, LockstepError, Revoked
from functions.ports import Calendar
from infra.google.calendar import GoogleCalendar
from infra.google.delegation import QUOTA_USER, Delegation, Endpoints, quota_user
from infra.local.calendar.server import CalendarServer
from infra.local.calendar.serving import running
from infra.local.iam import LocalIam
from infra.local.memory import ManualClock
from tests.contract.grounds import NOON
from tests.contract.oauth.office import pems

ALICE, BOB = "alice@example.com", "bob@example.com"
DELEGATE, FUNCTION = "lockstep-delegate@a-project.iam.gserviceaccount.com", "token-of-the-function"
EVENTS = "https://www.googleapis.com/auth/calendar.events"
READING = "https://www.googleapis.com/auth/calendar.readonly"


class Own(credentials.Credentials):
    """What a function has from its metadata server."""

    def __init__(self, token: str = FUNCTION) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # google-auth annotates nothing
        self.token = token

    def refresh(self, request: Any) -> None:
        """There is nothing to renew."""


@dataclass
class Place:
    """Google's side, and ours."""

    iam: LocalIam
    base: str
    clock: ManualClock
    http: httpx.Client
    stack: ExitStack

    def control(self, route: str, **body: Any) -> Any:
        """Post to a control route of the Calendar server."""
        return self.http.post(f"{self.base}/control/{route}", json=body).raise_for_status().json()

    def allow(self, *scopes: str) -> None:
        """The Workspace's administrator allows the service account these scopes."""
        self.control("service-accounts", email=DELEGATE, publicKey=pems()[1], delegatedScopes=list(scopes))

    def delegation(self, own: credentials.Credentials | None = None, **changes: Any) -> Delegation:
        """Ours."""
        endpoints = Endpoints(self.iam.base, f"{self.base}/token")
        lent = own or Own()
        told = {"endpoints": endpoints, "timeout": 2.0, **changes}
        return Delegation(DELEGATE, (EVENTS, READING), lambda: lent, self.http, self.clock, **told)

    def calendar(self, delegation: Delegation) -> Calendar:
        """The Calendar port by it."""
        return self.stack.enter_context(GoogleCalendar(delegation, f"{self.base}/calendar/v3/", timeout=2.0))


@pytest.fixture
def place() -> Iterator[Place]:
    """Everything allowed: the function may sign as the account, the account may act for users."""
    clock = ManualClock(NOON)
    server = CalendarServer(clock.now, Random(1), new_key=lambda: pems()[0])  # noqa: S311 - seeded on purpose
    with (
        LocalIam() as iam,
        running(server) as base,
        httpx.Client(timeout=5.0, follow_redirects=False, trust_env=False) as http,
        ExitStack() as stack,
    ):
        iam.make(DELEGATE, pems()[0])
        iam.may_sign.add((FUNCTION, DELEGATE))
        place = Place(iam, base, clock, http, stack)
        place.allow(EVENTS, READING)
        yield place


# ---- Acting for users -------------------------------------------------------------------------


def test_it_acts_as_each_user(place: Place) -> None:
    """Each sees their own calendar, without ever having been asked."""
    calendar = place.calendar(place.delegation())

    assert [calendar.calendar(user, "primary").id for user in (ALICE, BOB)] == [ALICE, BOB]


def test_a_token_is_used_until_shortly_before_its_end(place: Place) -> None:
    """One signature and one token an hour for each user; the end is judged by our clock."""
    calendar = place.calendar(place.delegation())
    for _ in range(3):
        calendar.calendar(ALICE, "primary")
    assert place.iam.calls[DELEGATE] == 1

    place.clock.advance(timedelta(minutes=58))
    calendar.calendar(ALICE, "primary")
    assert place.iam.calls[DELEGATE] == 1
    place.clock.advance(timedelta(minutes=1))
    calendar.calendar(ALICE, "primary")
    assert place.iam.calls[DELEGATE] == 2


def test_a_token_that_ended_early_is_replaced(place: Place) -> None:
    """The API answers 401, another token is taken, the call succeeds."""
    calendar = place.calendar(place.delegation())
    calendar.calendar(ALICE, "primary")
    place.control("tokens", user=ALICE, kind="access")

    assert calendar.calendar(ALICE, "primary").id == ALICE
    assert place.iam.calls[DELEGATE] == 2


def test_each_call_is_counted_for_its_user(place: Place) -> None:
    """x-goog-quota-user tells users apart, fits in 40 characters, and is no address."""
    delegation, named = place.delegation(), []
    for user in (ALICE, BOB, ALICE):
        headers: dict[str, str] = {}
        delegation(user).before_request(None, "GET", place.base, headers)
        assert headers["authorization"].startswith("Bearer ya29.")
        named.append(headers[QUOTA_USER])

    assert named == [quota_user(ALICE), quota_user(BOB), quota_user(ALICE)]
    assert len({*named}) == 2
    assert all(len(one) <= 40 and "@" not in one for one in named)


def test_one_users_quota_is_not_anothers(place: Place) -> None:
    """What one user has used up is there for the next, though one account makes all calls."""
    place.control("knobs", perMinute=2)
    calendar = place.calendar(place.delegation())
    for _ in range(2):
        calendar.calendar(ALICE, "primary")

    with pytest.raises(Later):
        calendar.calendar(ALICE, "primary")
    assert calendar.calendar(BOB, "primary").id == BOB


def test_a_user_has_one_credential(place: Place) -> None:
    """Connections are kept by it."""
    delegation = place.delegation()

    assert delegation(ALICE) is delegation(ALICE)
    assert delegation(ALICE) is not delegation(BOB)


# ---- What somebody must mend ------------------------------------------------------------------


@pytest.mark.parametrize("allowed", [(), (READING,)])
def test_without_delegation_the_administrator_is_named(place: Place, allowed: tuple[str, ...]) -> None:
    """Not allowed at all, or not for every scope: Revoked, and the text says who must do what, and where."""
    place.allow(*allowed)
    calendar = place.calendar(place.delegation())
    with pytest.raises(Revoked, match=r"administrator must allow .*Admin console.*domain-wide delegation") as caught:
        calendar.calendar(ALICE, "primary")
    _quiet(caught.value)
    assert caught.value.where is not None
    assert caught.value.where.reason == "unauthorized_client"

    place.allow(EVENTS, READING)
    assert calendar.calendar(ALICE, "primary").id == ALICE


def test_a_user_who_is_not_there_is_told(place: Place) -> None:
    """No such user in the Workspace."""
    with pytest.raises(Revoked, match="no such user"):
        place.calendar(place.delegation()).calendar("nobody", "primary")


def test_without_the_right_to_sign_it_is_later(place: Place) -> None:
    """The operator gives it, and it takes effect by itself: no user is told that a consent has ended."""
    calendar = place.calendar(place.delegation())
    place.iam.may_sign.clear()
    with pytest.raises(Later, match="Service Account Token Creator") as caught:
        calendar.calendar(ALICE, "primary")
    _quiet(caught.value)

    place.iam.may_sign.add((FUNCTION, DELEGATE))
    assert calendar.calendar(ALICE, "primary").id == ALICE


def test_an_account_that_is_gone_is_later(place: Place) -> None:
    """At the token server; nobody's consent has ended."""
    place.iam.make(DELEGATE, _another_key())
    with pytest.raises(Later, match="does not take the assertion") as caught:
        place.calendar(place.delegation()).calendar(ALICE, "primary")

    assert caught.value.after == timedelta(hours=1)


def test_a_clock_that_is_wrong_is_later(place: Place) -> None:
    """Ours is an hour behind Google's: the assertion is refused, and no user is to blame."""
    slow = ManualClock(NOON - timedelta(hours=2))
    delegation = Delegation(
        DELEGATE, (EVENTS,), Own, place.http, slow, endpoints=Endpoints(place.iam.base, f"{place.base}/token")
    )

    with pytest.raises(Later, match="does not take the assertion"):
        delegation.token(ALICE)


# ---- Trouble ----------------------------------------------------------------------------------


def test_signing_that_fails_for_a_while_is_later(place: Place) -> None:
    """And works when it works again."""
    calendar = place.calendar(place.delegation())
    place.iam.faults["unavailable"] = 1
    with pytest.raises(Later):
        calendar.calendar(ALICE, "primary")

    assert calendar.calendar(ALICE, "primary").id == ALICE


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"{}"),
        (200, b"<html>"),
        (200, b'{"access_token": 7, "expires_in": "x"}'),
        (200, b'{"access_token": "a", "expires_in": 1e300}'),
        (302, b""),
        (404, b""),
        (429, b"{}"),
        (500, b'{"error": "internal_failure"}'),
        (503, b"x" * 100_000),
    ],
)
def test_odd_answers_are_later(place: Place, status: int, body: bytes) -> None:
    """From either server: only a clear word from the token server ends a user's consent."""
    for odd in ("signJwt", "token"):

        def told(request: httpx.Request, odd: str = odd) -> httpx.Response:
            if request.url.path.endswith(odd):
                return httpx.Response(status, stream=httpx.ByteStream(body))
            return httpx.Response(200, stream=httpx.ByteStream(msgspec.json.encode({"signedJwt": "a.b.c"})))

        with httpx.Client(transport=httpx.MockTransport(told)) as client:
            delegation = Delegation(DELEGATE, (EVENTS,), Own, client, place.clock)
            with pytest.raises(Later) as caught:
                delegation.token(ALICE)
            _quiet(caught.value)


def test_too_many_requests_are_no_reason_to_wait_for_an_hour(place: Place) -> None:
    """Nobody has to mend anything: whoever asks chooses when to come again."""

    def told(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("token"):
            return httpx.Response(429, stream=httpx.ByteStream(b'{"error": "rate_limit_exceeded"}'))
        return httpx.Response(200, stream=httpx.ByteStream(msgspec.json.encode({"signedJwt": "a.b.c"})))

    with httpx.Client(transport=httpx.MockTransport(told)) as client, pytest.raises(Later) as caught:
        Delegation(DELEGATE, (EVENTS,), Own, client, place.clock).token(ALICE)

    assert caught.value.after is None


def test_nobody_there_is_later(place: Place) -> None:
    """Neither server, nor a credential of our own."""

    def none() -> credentials.Credentials:
        raise exceptions.DefaultCredentialsError("none here")

    gone = Endpoints("http://127.0.0.1:9", "http://127.0.0.1:9")
    for delegation in (
        place.delegation(endpoints=gone),
        Delegation(DELEGATE, (EVENTS,), none, place.http, place.clock),
    ):
        with pytest.raises(Later) as caught:
            delegation.token(ALICE)
        _quiet(caught.value)


def test_our_own_credential_is_renewed_by_the_same_way_out(place: Place) -> None:
    """Bounded like every other request, its troubles being Later."""
    asked: list[str] = []

    class Metadata(Own):
        def __init__(self, url: str) -> None:
            super().__init__("")
            self._url = url

        def before_request(self, request: Any, method: str, url: str, headers: Any) -> None:
            asked.append(f"{method} {url.rpartition(':')[2]}")
            answer = request(url=self._url, method="GET", headers={"Metadata-Flavor": "Google"}, timeout=1)
            assert answer.status == 200
            assert answer.data
            headers["authorization"] = f"Bearer {FUNCTION}"

    works = place.delegation(Metadata(f"{place.base}/control/clock"))
    assert works.token(ALICE).token
    with pytest.raises(Later):
        place.delegation(Metadata("http://127.0.0.1:9/")).token(ALICE)
    assert asked == ["POST signJwt"] * 2


def test_tokens_are_in_no_text(place: Place) -> None:
    """Not in what is shown of a token or a credential."""
    delegation = place.delegation()
    given = delegation.token(ALICE)

    assert given.token not in repr(given)
    assert given.expires - NOON == timedelta(seconds=3599)


def _quiet(error: LockstepError) -> None:
    told = f"{error} {error.where}"
    assert error.__suppress_context__ or error.__context__ is None
    for secret in (ALICE, FUNCTION, "eyJ"):
        assert secret not in told


def _another_key() -> str:
    from infra.local.calendar.oauth.keys import new_signing_key  # noqa: PLC0415 - slow, and needed once

    return new_signing_key()
