"""Acting as any user of a Workspace whose administrator allowed it: domain-wide delegation, without a key of our own.

Authority: https://developers.google.com/identity/protocols/oauth2/service-account#httprest and
https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signJwt
The function's own account has Google sign an assertion as the service account that may act for users; the token server
gives an access token for it. Calls then name the user for Calendar's quota
(https://developers.google.com/workspace/calendar/api/guides/quota), else all users would share the account's.
"""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import msgspec
from google.auth import credentials, exceptions

from conference.decoding import from_json
from conference.errors import UNDECODABLE, Later, LockstepError, Revoked, Where
from conference.providers.exchange import Answer, Exchange, retry_after
from functions.credentials import Access
from functions.ports import Clock
from infra.google.credentials import Renewed
from infra.google.oauth import own_name

SIGNING_SCOPE = "https://www.googleapis.com/auth/iam"
QUOTA_USER = "x-goog-quota-user"
LARGEST = 64 * 1024
LIFE = timedelta(hours=1)
HOUR = timedelta(hours=1)
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_MOST = 10_000
EARLY = 60.0
"""Seconds: a token with less than this left is not sent any more, for it may end on its way."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where assertions are signed, where they become tokens, and what the token server calls itself in them."""

    iam: str = "https://iamcredentials.googleapis.com"
    token: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
    audience: str = "https://oauth2.googleapis.com/token"


class _Signed(msgspec.Struct, frozen=True, rename="camel"):
    signed_jwt: str


class _Token(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: float


class _Problem(msgspec.Struct, frozen=True):
    error: str = ""
    error_description: str = ""


_signed, _token, _problem = from_json(_Signed), from_json(_Token), from_json(_Problem)


class Delegation:
    """Yields each user's credential, always the same one for the same user.

    `account` is the service account that may act for users, `own` yields the credential of whoever runs this, which
    needs the right to sign as that account. `client` carries the requests and follows no redirect.
    """

    def __init__(
        self,
        account: str,
        scopes: Sequence[str],
        own: Callable[[], credentials.Credentials],
        client: httpx.Client,
        clock: Clock,
        *,
        endpoints: Endpoints | None = None,
        timeout: float = 10.0,
    ) -> None:
        self._account = account
        self._scopes = " ".join(scopes)
        self._own = functools.cache(own)
        self._clock = clock
        self._endpoints = endpoints or Endpoints()
        self._client = client
        self._exchange = Exchange(client, "delegation", timeout=httpx.Timeout(timeout), max_answer=LARGEST)
        self._timeout = timeout
        self._lock = threading.Lock()
        self._signing = threading.Lock()
        self._held = functools.lru_cache(maxsize=_MOST)(functools.partial(Delegated, self))

    def __call__(self, user: str) -> credentials.Credentials:
        """The user's credential; whether it is worth anything shows when it is used."""
        with self._lock:
            return self._held(user)

    def now(self) -> float:
        """The present, in seconds since the epoch."""
        return self._clock.now().timestamp()

    def token(self, user: str) -> Access:
        """An access token for acting as the user.

        Raises Revoked, whose text says what the Workspace's administrator must do; Later for all else.
        """
        now = self._clock.now()
        form = {"grant_type": _GRANT, "assertion": self._assertion(user, int(now.timestamp()))}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        answer = self._send("token", self._endpoints.token, headers, urlencode(form).encode())
        if answer.status == httpx.codes.OK:
            with suppress(*UNDECODABLE, OverflowError):
                given = _token(answer.body)
                return Access(given.access_token, now + timedelta(seconds=given.expires_in))
        raise _refusal(answer)

    def _assertion(self, user: str, now: int) -> str:
        """Signed by Google: no key ever leaves there. Raises Later."""
        claims = {
            "iss": self._account,
            "sub": user,
            "scope": self._scopes,
            "aud": self._endpoints.audience,
            "iat": now,
            "exp": now + int(LIFE.total_seconds()),
        }
        url = f"{self._endpoints.iam}/v1/projects/-/serviceAccounts/{quote(self._account, safe='')}:signJwt"
        headers = {"Content-Type": "application/json", **self._signer(url)}
        body = msgspec.json.encode({"payload": msgspec.json.encode(claims).decode()})
        answer = self._send("signJwt", url, headers, body)
        try:
            signed = _signed(answer.body).signed_jwt if answer.status == httpx.codes.OK else None
        except UNDECODABLE:
            signed = None
        if signed is None:
            raise _unsigned(answer, self._account)
        return signed

    def _signer(self, url: str) -> dict[str, str]:
        """The header that says who wants it signed. Raises Later."""
        headers: dict[str, str] = {}
        try:
            with self._signing:
                own: Any = self._own()  # google-auth annotates nothing
                own.before_request(_request(self._client, self._timeout), "POST", url, headers)
        except exceptions.GoogleAuthError as error:
            where = Where("delegation", "signJwt", reason=type(error).__name__)
            raise Later("this place has no credential of its own", where) from None
        return headers

    def _send(self, operation: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        failure: LockstepError
        try:
            return self._exchange.send(operation, "POST", url, headers=headers, body=body, writes=False)
        except LockstepError as error:
            failure = Later("the token server cannot be reached", error.where)
        # Raised here, where no exception is being handled: the client's own may quote what was sent.
        raise failure


class Delegated(Renewed):
    """Signs requests as a user."""

    def __init__(self, delegation: Delegation, user: str) -> None:
        # Each token of the server's is another one.
        super().__init__(delegation.now, EARLY, lambda _: delegation.token(user))
        self._user = user

    def before_request(self, request: Any, method: str, url: str, headers: Any) -> None:
        """Sign the request, and have it counted for its user. Raises Revoked, Later."""
        super().before_request(request, method, url, headers)  # type: ignore[no-untyped-call]  # google-auth annotates nothing
        headers[QUOTA_USER] = quota_user(self._user)


def quota_user(user: str) -> str:
    """Stands for the user in Google's books: at most 40 characters, and no address."""
    return hashlib.sha256(user.encode()).hexdigest()[:40]


# ---- Refusals -------------------------------------------------------------------------------

_ADMINISTRATOR = (
    "the Workspace does not let the service account act for its users: its administrator must allow the account's "
    "client id with the Calendar scopes in the Admin console, under Security, Access and data control, API controls, "
    "Manage domain-wide delegation"
)
_NOBODY = "the Workspace has no such user, or has suspended it: its administrator must restore it"
_FORBIDDEN = frozenset({"unauthorized_client", "access_denied", "invalid_scope", "admin_policy_enforced"})


def _refusal(answer: Answer) -> LockstepError:
    """What the token server's answer says about this user, or about us."""
    try:
        problem = _problem(answer.body)
    except UNDECODABLE:
        problem = _Problem()
    where = Where("delegation", "token", answer.status, own_name(problem.error))
    if answer.status < httpx.codes.INTERNAL_SERVER_ERROR:
        if problem.error in _FORBIDDEN:
            return Revoked(_ADMINISTRATOR, where)
        if problem.error == "invalid_grant" and "User ID" in problem.error_description:
            return Revoked(_NOBODY, where)
        if problem.error and answer.status != httpx.codes.TOO_MANY_REQUESTS:
            # The account is gone or its time is wrong: an operator must mend it, no user or administrator could.
            return Later("the token server does not take the assertion", where, retry_after(answer.headers) or HOUR)
    return Later("the token server gives no token", where, retry_after(answer.headers))


def _unsigned(answer: Answer, account: str) -> Later:
    where = Where("delegation", "signJwt", answer.status)
    if answer.status in {httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND}:
        text = f"this function may not sign as {account}: it needs the role Service Account Token Creator on it"
        return Later(text, where, timedelta(minutes=1))
    return Later("Google did not sign the assertion", where, retry_after(answer.headers))


# ---- The way to this place's own credential -------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Response:
    """An answer in google-auth's shape."""

    status: int
    headers: Mapping[str, str]
    data: bytes


def _request(client: httpx.Client, timeout: float) -> Callable[..., _Response]:
    """How google-auth asks for this place's own token, with `client`."""

    def ask(
        url: str, method: str = "GET", body: Any = None, headers: Any = None, timeout: Any = timeout, **_: Any
    ) -> _Response:
        try:
            answer = client.request(method, url, content=body, headers=headers, timeout=timeout, follow_redirects=False)
        except httpx.HTTPError as error:
            raise exceptions.TransportError(type(error).__name__) from None
        return _Response(answer.status_code, answer.headers, answer.content)

    return ask


def own_credentials() -> credentials.Credentials:
    """Those of the place where this runs. Raises GoogleAuthError if it has none."""
    # Only where delegation is wanted.
    import google.auth  # noqa: PLC0415 - see above

    found: credentials.Credentials = google.auth.default(scopes=[SIGNING_SCOPE])[0]
    return found
