"""Whom a bearer token speaks for and what it may do, and the two ways in which Google refuses one.

Authority: https://developers.google.com/workspace/calendar/api/guides/errors, RFC 6750 3 (contract 10.1, 10.2, 12)
"""

from __future__ import annotations

import re
from collections.abc import Collection

import msgspec

from infra.local.calendar.errors import ApiError
from infra.local.calendar.messages import Json, Request, Response
from infra.local.calendar.oauth.book import Book
from infra.local.calendar.oauth.records import address

_BEARER = re.compile(r"Bearer +([^\s]+)", re.IGNORECASE)
_REALM = 'Bearer realm="https://accounts.google.com/"'
_SHORTCUT = "dev:"


class Caller(msgspec.Struct, frozen=True):
    """A user, as far as a client may act for them; scopes None: in everything."""

    user: str
    scopes: tuple[str, ...] | None = None

    def check(self, admitted: Collection[str], method: str) -> None:
        """Return if one of the scopes is admitted. Raises ApiError 403 that names the method, given by its id."""
        if self.scopes is not None and not set(self.scopes) & set(admitted):
            raise ScopeInsufficient(admitted, _rpc_name(method))


class Challenged(ApiError):
    """401: no bearer token, or one that is unknown, revoked or has expired."""

    def __init__(self, *, given: bool) -> None:
        super().__init__(401, "authError", "Invalid Credentials", location="Authorization", location_type="header")
        self._challenge = f'{_REALM}, error="invalid_token"' if given else _REALM

    def response(self) -> Response:
        """The error with the challenge that RFC 6750 asks for."""
        return _challenging(super().response(), self._challenge)


class ScopeInsufficient(ApiError):
    """403: the token is good, but none of its scopes admits this method."""

    def __init__(self, admitted: Collection[str], method: str) -> None:
        super().__init__(403, "insufficientPermissions", "Insufficient Permission")
        self._admitted = admitted
        self._method = method

    def response(self) -> Response:
        """The error with the scopes that would do."""
        challenge = f'{_REALM}, error="insufficient_scope", scope="{" ".join(self._admitted)}"'
        return _challenging(super().response(), challenge)

    def _envelope(self) -> Json:
        about = {"service": "calendar-json.googleapis.com", "method": self._method}
        return {
            **super()._envelope(),
            "message": "Request had insufficient authentication scopes.",
            "status": "PERMISSION_DENIED",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                    "domain": "googleapis.com",
                    "metadata": about,
                }
            ],
        }


def _challenging(response: Response, challenge: str) -> Response:
    return Response(response.status, {**response.headers, "www-authenticate": challenge}, response.body)


def caller(book: Book, request: Request, now: float) -> Caller:
    """Who calls. Raises ApiError 401."""
    return demanded(known_caller(book, request, now), request)


def demanded(who: Caller | None, request: Request) -> Caller:
    """The caller of a request that needs one. Raises ApiError 401."""
    if who is None:
        raise Challenged(given="authorization" in request.headers)
    return who


def known_caller(book: Book, request: Request, now: float) -> Caller | None:
    """Who calls; None without a token that is good now. `Bearer dev:<email>` is anyone, with every scope."""
    found = _BEARER.fullmatch(request.headers.get("authorization", ""))
    if found is None:
        return None
    if found[1][: len(_SHORTCUT)].lower() == _SHORTCUT:
        user = address(found[1][len(_SHORTCUT) :])
        return Caller(user) if user else None
    access = book.access(found[1], now)
    return Caller(access.user, access.scopes) if access else None


def _rpc_name(method_id: str) -> str:
    """The name under which Google's errors speak of a method: calendar.v3.Events.List for calendar.events.list."""
    api, *parts = method_id.split(".")
    return ".".join((api, "v3", *(part[0].upper() + part[1:] for part in parts)))
