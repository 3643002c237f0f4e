"""A service account's signed assertion: who it is, for whom it speaks, and with which scopes.

Authority: https://developers.google.com/identity/protocols/oauth2/service-account#httprest, RFC 7523
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jwt

from infra.local.calendar.messages import Json
from infra.local.calendar.oauth.keys import public_key, verified
from infra.local.calendar.oauth.records import ServiceAccount, address
from infra.local.calendar.oauth.refusals import OAuthError, invalid_grant
from infra.local.calendar.oauth.scopes import invalid_scopes, read_scopes
from infra.local.calendar.oauth.visit import Visit

GOOGLES = frozenset({"https://oauth2.googleapis.com/token", "https://www.googleapis.com/oauth2/v4/token"})
"""Audiences that clients name that were told Google's own address in their key file."""
_HOUR, _SKEW = 3600, 300


@dataclass(frozen=True, slots=True)
class Robot:
    """For whom the token will be: the account itself, or a user it stands in for."""

    client: str
    user: str
    scopes: tuple[str, ...]


def exchange_assertion(visit: Visit) -> Robot:
    """Whom the assertion speaks for. Raises OAuthError."""
    text = visit.needed("assertion")
    account = _account(visit, text)
    key = public_key(account.public_key)
    claims = verified(text, key) if key else None
    if claims is None:
        raise invalid_grant("Invalid JWT Signature.")
    _check_time(claims, visit.now)
    _check_audience(visit, claims.get("aud"))
    scopes = _scopes(claims.get("scope"))
    return Robot(account.email, _subject(account, claims.get("sub"), scopes), scopes)


def _account(visit: Visit, text: str) -> ServiceAccount:
    try:
        issuer = jwt.decode(text, options={"verify_signature": False}).get("iss")
    except jwt.InvalidTokenError:
        raise invalid_grant("Invalid JWT: it is no JSON web token.") from None
    found = visit.book.accounts.get(issuer) if isinstance(issuer, str) else None
    if found is None:
        raise invalid_grant("Invalid grant: account not found")
    return found


def _check_time(claims: Json, now: float) -> None:
    issued, expires = _number(claims.get("iat")), _number(claims.get("exp"))
    if issued is None or expires is None or not _soon(issued, expires, now):
        raise invalid_grant(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
            "Check your iat and exp values in the JWT claim."
        )


def _soon(issued: float, expires: float, now: float) -> bool:
    return issued - _SKEW <= now < expires + _SKEW and issued < expires <= issued + _HOUR + _SKEW


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _check_audience(visit: Visit, audience: Any) -> None:
    right = f"{visit.origin}/token"
    named = audience if isinstance(audience, list) else [audience]
    if not any(name == right or (isinstance(name, str) and name in GOOGLES) for name in named):
        raise invalid_grant(f"Invalid JWT: Failed audience check. The right audience is {right}")


def _scopes(text: Any) -> tuple[str, ...]:
    scopes = read_scopes(text) if isinstance(text, str) else ()
    if not scopes or invalid_scopes(scopes):
        raise OAuthError(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided.")
    return scopes


def _subject(account: ServiceAccount, subject: Any, scopes: tuple[str, ...]) -> str:
    if subject is None or subject == account.email:
        return account.email
    user = address(subject) if isinstance(subject, str) else None
    if user is None:
        raise invalid_grant("Invalid email or User ID")
    if not set(scopes) <= set(account.delegated_scopes):
        raise OAuthError(
            401,
            "unauthorized_client",
            "Client is unauthorized to retrieve access tokens using this method, "
            "or client not authorized for any of the scopes requested.",
        )
    return user
