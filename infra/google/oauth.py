"""Google's authorization server as a port: where people are sent, and what is asked with the client's secret.

Authority: https://developers.google.com/identity/protocols/oauth2/web-server, RFC 6749, RFC 7636, RFC 9700
The port is functions.ports.OAuth. Tokens, codes and secrets are in no error and no log.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import msgspec

from conference.decoding import from_json
from conference.errors import UNDECODABLE, Later, LockstepError, OutcomeUnknown, Refused, Revoked, Where
from conference.providers.exchange import Answer, Exchange, retry_after
from functions.ports import Asking, Clock, Granted, Person

LARGEST = 64 * 1024
TIMEOUT = httpx.Timeout(10.0)
HOUR = timedelta(hours=1)
_NO = {*range(400, 500)} - {httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_EARLY, httpx.codes.TOO_MANY_REQUESTS}
_PASSING = {"server_error", "temporarily_unavailable", "slow_down", "rate_limit_exceeded"}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the authorization server is, and the name that it calls itself."""

    authorize: str
    token: str
    revoke: str
    userinfo: str
    issuer: str = "https://accounts.google.com"


GOOGLE = Endpoints(
    "https://accounts.google.com/o/oauth2/v2/auth",
    "https://oauth2.googleapis.com/token",
    "https://oauth2.googleapis.com/revoke",
    "https://openidconnect.googleapis.com/v1/userinfo",
)


def local_endpoints(base: str) -> Endpoints:
    """Those of the local Calendar server at `base`, such as http://127.0.0.1:8791."""
    return Endpoints(f"{base}/o/oauth2/v2/auth", f"{base}/token", f"{base}/revoke", f"{base}/v1/userinfo")


@dataclass(frozen=True, slots=True)
class Client:
    """Our application, as it is registered; made from the JSON file that the Cloud console gives."""

    id: str
    secret: str = field(repr=False)


class _Registered(msgspec.Struct, frozen=True):
    client_id: str
    client_secret: str


class _File(msgspec.Struct, frozen=True):
    web: _Registered | None = None
    installed: _Registered | None = None


class _Tokens(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: float
    scope: str = ""
    refresh_token: str | None = None
    id_token: str | None = None


class _Person(msgspec.Struct, frozen=True):
    sub: str
    email: str = ""
    email_verified: bool = False


class _Problem(msgspec.Struct, frozen=True):
    error: str = ""


_file, _tokens, _person, _problem = from_json(_File), from_json(_Tokens), from_json(_Person), from_json(_Problem)
_claims = from_json(dict[str, Any])


def read_client(text: str | bytes) -> Client:
    """The client in a client file's text. Raises ValueError, which quotes nothing of it."""
    try:
        read = _file(text)
    except UNDECODABLE:
        raise ValueError("this is no client file of the Cloud console") from None
    registered = read.web or read.installed
    if registered is None or not registered.client_id or not registered.client_secret:
        raise ValueError("the client file holds neither a web nor an installed client")
    return Client(registered.client_id, registered.client_secret)


class GoogleOAuth:
    """The OAuth port over HTTP; one for the whole process, to be used by any number of threads.

    `registered` is our application, or what yields it when it is needed, and raises Later when it cannot. `client`
    carries the requests and follows no redirect; `endpoints` are Google's unless told otherwise.
    """

    def __init__(
        self,
        registered: Client | Callable[[], Client],
        client: httpx.Client,
        clock: Clock,
        *,
        endpoints: Endpoints = GOOGLE,
        timeout: httpx.Timeout = TIMEOUT,
    ) -> None:
        self._registered: Callable[[], Client] = registered if callable(registered) else partial(_itself, registered)
        self._clock = clock
        self._endpoints = endpoints
        self._exchange = Exchange(client, "oauth", timeout=timeout, max_answer=LARGEST)
        self.issuer = endpoints.issuer
        parts = urlsplit(endpoints.authorize)
        self.origin = f"{parts.scheme}://{parts.netloc}"

    def address(self, asking: Asking) -> str:
        """Where to send a person's browser: they are always asked, since only then is there a refresh token."""
        prompts = [*(["select_account"] if not asking.account else []), *(["consent"] if asking.offline else [])]
        asked = {
            "client_id": self._registered().id,
            "redirect_uri": asking.redirect,
            "response_type": "code",
            "scope": " ".join(asking.scopes),
            "state": asking.state,
            "code_challenge": asking.challenge,
            "code_challenge_method": "S256",
            "access_type": "offline" if asking.offline else "online",
            "include_granted_scopes": "true" if asking.offline else "false",
            **({"prompt": " ".join(prompts)} if prompts else {}),
            **({"login_hint": asking.account} if asking.account else {}),
        }
        return f"{self._endpoints.authorize}?{urlencode(asked)}"

    def exchange(self, code: str, *, verifier: str, redirect: str) -> Granted:
        """What a code stands for, once. Raises Refused if it is no good (any more), Later, OutcomeUnknown."""
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "redirect_uri": redirect}
        answer = self._post("exchange", self._endpoints.token, {**form, **self._proof()}, writes=True)
        where = _where("exchange", answer)
        if answer.status == httpx.codes.OK:
            granted = self._granted(answer)
            if granted is None:
                raise OutcomeUnknown("the authorization server gave no usable answer", where)
            return granted
        if _for_a_while(answer):
            raise OutcomeUnknown("the authorization server failed", where)
        raise Refused("the authorization server does not take this code", where)

    def refresh(self, refresh: str) -> Granted:
        """Another access token. Raises Revoked if the consent has ended; Later for all else: repeating is safe."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh, **self._proof()}
        answer = self._post("refresh", self._endpoints.token, form)
        where = _where("refresh", answer)
        granted = self._granted(answer) if answer.status == httpx.codes.OK else None
        if granted is not None:
            return granted
        if where.reason == "invalid_grant":
            raise Revoked("the consent is no longer valid", where)
        # An operator must mend what is wrong with the client; no user could help by consenting again.
        lasting = where.reason in {"invalid_client", "unauthorized_client", "deleted_client", "disabled_client"}
        after = HOUR if lasting else retry_after(answer.headers)
        raise Later("the authorization server gives no token", where, after)

    def revoke(self, token: str) -> None:
        """End the consent with all its tokens; already ended is success. Raises Refused if it never will, Later."""
        answer = self._post("revoke", self._endpoints.revoke, {"token": token})
        where = _where("revoke", answer)
        if answer.status == httpx.codes.OK or where.reason in {"invalid_token", "invalid_grant"}:
            return
        if _for_good(answer, where.reason):
            raise Refused("the authorization server will not end the consent", where)
        raise Later("the authorization server did not end the consent", where, retry_after(answer.headers))

    def person(self, granted: Granted) -> Person:
        """Whose tokens they are. Raises Refused if that is not told or not verified, Later."""
        headers = {"Authorization": f"Bearer {granted.access}"}
        answer = self._send("userinfo", "GET", self._endpoints.userinfo, headers, b"")
        where = _where("userinfo", answer)
        if _for_a_while(answer):
            raise Later("the authorization server failed", where, retry_after(answer.headers))
        told = _told(answer)
        if told is None or not told.sub or not told.email or not told.email_verified:
            raise Refused("the authorization server does not tell whose account it is", where)
        return Person(told.sub, told.email.casefold())

    def _proof(self) -> dict[str, str]:
        registered = self._registered()
        return {"client_id": registered.id, "client_secret": registered.secret}

    def _granted(self, answer: Answer) -> Granted | None:
        try:
            told = _tokens(answer.body)
            expires = self._clock.now() + timedelta(seconds=told.expires_in)
        except (*UNDECODABLE, OverflowError, ValueError):
            return None
        scopes = frozenset(told.scope.split())
        return Granted(told.access_token, expires, scopes, told.refresh_token, _issued(told.id_token))

    def _post(self, operation: str, url: str, form: Mapping[str, str], *, writes: bool = False) -> Answer:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        return self._send(operation, "POST", url, headers, urlencode(form).encode(), writes=writes)

    def _send(
        self, operation: str, method: str, url: str, headers: Mapping[str, str], body: bytes, *, writes: bool = False
    ) -> Answer:
        failure: LockstepError
        try:
            return self._exchange.send(operation, method, url, headers=headers, body=body, writes=writes)
        except OutcomeUnknown as error:
            failure = OutcomeUnknown("the authorization server gave no usable answer", error.where)
        except LockstepError as error:
            failure = Later("the authorization server cannot be reached", error.where)
        # Raised here, where no exception is being handled: the client's own may quote what was sent.
        raise failure


def _where(operation: str, answer: Answer) -> Where:
    """The place of a failure, with OAuth's own name for it, if it has one."""
    if answer.status == httpx.codes.OK:
        return Where("oauth", operation, answer.status)
    try:
        named = _problem(answer.body).error
    except UNDECODABLE:
        named = ""
    return Where("oauth", operation, answer.status, own_name(named))


def own_name(error: str) -> str | None:
    """OAuth's own name for an error, which may be told; None for any other text."""
    return error if re.fullmatch("[a-z_]{1,40}", error) else None


def _for_a_while(answer: Answer) -> bool:
    return answer.status >= httpx.codes.INTERNAL_SERVER_ERROR or answer.status == httpx.codes.TOO_MANY_REQUESTS


def _for_good(answer: Answer, reason: str | None) -> bool:
    """Whether a revocation that was asked for again would be answered so again.

    Google answers every error with 400 (https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke);
    at another 4xx only OAuth's own name tells the server's no from that of somebody on the way.
    """
    ours = answer.status == httpx.codes.BAD_REQUEST or (answer.status in _NO and reason is not None)
    return ours and reason not in _PASSING


def _told(answer: Answer) -> _Person | None:
    if answer.status != httpx.codes.OK:
        return None
    try:
        return _person(answer.body)
    except UNDECODABLE:
        return None


def _issued(id_token: str | None) -> datetime | None:
    """When the identity token was made, by Google's clock; it came over TLS, and nothing but a clock hangs on it."""
    parts = (id_token or "").split(".")
    try:
        claims = _claims(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(float(claims["iat"]), UTC)
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, OSError, *UNDECODABLE):
        return None


def _itself(registered: Client) -> Client:
    return registered


def development_client() -> Client:
    """The client that the local Calendar server knows from the start; its secret is public and opens nothing else."""
    return Client("lockstep-development.apps.googleusercontent.com", "lockstep-development")  # public, see its docs
