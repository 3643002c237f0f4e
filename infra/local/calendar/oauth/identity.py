"""Who a token's user is: identity tokens, userinfo, tokeninfo, the key set, and OpenID Connect's own discovery.

Authority: https://developers.google.com/identity/openid-connect/openid-connect and .../reference
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from infra.local.calendar.discovery import discovery
from infra.local.calendar.messages import Json, Response, json_value
from infra.local.calendar.oauth.bearer import caller
from infra.local.calendar.oauth.book import ACCESS_LIFE
from infra.local.calendar.oauth.records import Access, Code, Refresh
from infra.local.calendar.oauth.refusals import invalid_request, invalid_token
from infra.local.calendar.oauth.scopes import EMAIL, PROFILE, SIGN_IN, joined
from infra.local.calendar.oauth.visit import Visit

ISSUER = "https://accounts.google.com"
_CLAIMS = ("aud", "email", "email_verified", "exp", "family_name", "given_name", "iat", "iss", "name", "sub")
_CONSUMER = frozenset({"gmail.com", "googlemail.com"})


def id_token(visit: Visit, granted: Code | Refresh, access: str) -> str:
    """The user's identity for the client that was granted `openid`; `access` is the token it goes with."""
    half = hashlib.sha256(access.encode()).digest()[:16]
    claims = {
        "iss": ISSUER,
        "azp": granted.client,
        "aud": granted.client,
        **_claims(granted.user, granted.scopes),
        "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
        **({"nonce": granted.nonce} if isinstance(granted, Code) and granted.nonce else {}),
        "iat": int(visit.now),
        "exp": int(visit.now) + ACCESS_LIFE + 1,
    }
    return visit.book.signing().sign(claims)


def subject(user: str) -> str:
    """The user's number, which never changes."""
    return f"1{int.from_bytes(hashlib.blake2b(user.encode()).digest()[:16]) % 10**20:020}"


def userinfo(visit: Visit) -> Response:
    """The user as OpenID Connect tells of them. Raises ApiError 401, or 403 without a scope of signing in."""
    found = caller(visit.book, visit.request, visit.now)
    found.check(tuple(SIGN_IN), "google.oauth2.v3.Userinfo.Get")
    scopes = found.scopes
    return json_value(_claims(found.user, tuple(SIGN_IN) if scopes is None else scopes))


def certs(visit: Visit) -> Response:
    """The key set."""
    return json_value(visit.book.signing().jwks())


def tokeninfo(visit: Visit) -> Response:
    """What an access token or an identity token says. Raises OAuthError for one that is no good."""
    given, shown = visit.value("access_token"), visit.value("id_token")
    if bool(given) == bool(shown):
        raise invalid_request("either access_token, id_token, or token_handle required")
    return json_value(_of_access(visit, given) if given else _of_identity(visit, shown))


def _of_access(visit: Visit, text: str) -> Json:
    found = visit.book.access(text, visit.now)
    if found is None:
        raise invalid_token()
    return {
        "azp": found.client,
        "aud": found.client,
        **_told(found),
        "scope": joined(found.scopes),
        "exp": str(int(found.expires)),
        "expires_in": str(int(found.expires - visit.now)),
        "access_type": "offline" if found.offline else "online",
    }


def _told(found: Access) -> dict[str, str]:
    claims = _claims(found.user, found.scopes) if set(found.scopes) & set(SIGN_IN) else {}
    return {name: _text(value) for name, value in claims.items() if name in {"sub", "email", "email_verified"}}


def _of_identity(visit: Visit, text: str) -> Json:
    claims = visit.book.signing().verify(text)
    if claims is None or claims["exp"] <= visit.now:
        raise invalid_token()
    return {name: _text(value) for name, value in claims.items()} | {"alg": "RS256", "typ": "JWT"}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _claims(user: str, scopes: tuple[str, ...]) -> Json:
    claims: Json = {"sub": subject(user)}
    local, _, domain = user.partition("@")
    if EMAIL in scopes:
        claims |= {"email": user, "email_verified": True}
    if domain not in _CONSUMER:
        claims["hd"] = domain
    if PROFILE in scopes:
        given, _, family = local.replace(".", " ").replace("_", " ").title().partition(" ")
        claims |= {"name": f"{given} {family}".strip(), "given_name": given}
        claims |= {"family_name": family} if family else {}
    return claims


def configuration(visit: Visit) -> Response:
    """Where everything is, for clients that look it up."""
    at = visit.origin
    document = {
        "issuer": ISSUER,
        "authorization_endpoint": f"{at}/o/oauth2/v2/auth",
        "token_endpoint": f"{at}/token",
        "userinfo_endpoint": f"{at}/v1/userinfo",
        "revocation_endpoint": f"{at}/revoke",
        "jwks_uri": f"{at}/oauth2/v3/certs",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "profile", *discovery().scopes],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "claims_supported": list(_CLAIMS),
        "code_challenge_methods_supported": ["plain", "S256"],
        "grant_types_supported": [
            "authorization_code",
            "refresh_token",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
        ],
    }
    return json_value(document)
