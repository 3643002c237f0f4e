"""The token endpoint: a code, a refresh token or a signed assertion in, an access token out.

Authority: https://developers.google.com/identity/protocols/oauth2/web-server#exchange-authorization-code,
RFC 6749 4.1.3 and 6, RFC 7636 4.6
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from urllib.parse import unquote_plus

import msgspec

from infra.local.calendar.messages import Json, Response, json_value
from infra.local.calendar.oauth.assertion import Robot, exchange_assertion
from infra.local.calendar.oauth.book import ACCESS_LIFE
from infra.local.calendar.oauth.identity import id_token
from infra.local.calendar.oauth.records import Access, Client, Code, Refresh
from infra.local.calendar.oauth.refusals import NOT_KEPT, OAuthError, invalid_client, invalid_grant, invalid_request
from infra.local.calendar.oauth.scopes import joined, read_scopes
from infra.local.calendar.oauth.visit import Visit


def token(visit: Visit) -> Response:
    """Tokens as JSON. Raises OAuthError, worded as Google's."""
    grant = visit.needed("grant_type")
    if grant not in _GRANTS:
        raise OAuthError(400, "unsupported_grant_type", f"Invalid grant_type: {grant[:80]}")
    answer = json_value(_GRANTS[grant](visit))
    return Response(answer.status, {**answer.headers, **NOT_KEPT}, answer.body)


def _exchange_code(visit: Visit) -> Json:
    client = _client(visit)
    text = visit.needed("code")
    code = visit.book.codes.get(text)
    if code is None:
        raise invalid_grant("Malformed auth code.")
    if code.client != client.client_id or code.used or visit.now >= code.expires:
        raise invalid_grant()
    if visit.needed("redirect_uri") != code.redirect_uri:
        raise OAuthError(400, "redirect_uri_mismatch", "Bad Request")
    _check_proof(code, visit.value("code_verifier"))
    visit.book.codes.put(text, msgspec.structs.replace(code, used=True))
    answer = _answer(visit, code, offline=code.offline)
    if code.refreshes:
        answer["refresh_token"] = visit.book.new_refresh(Refresh(code.client, code.user, code.scopes, visit.now))
    return answer


def _check_proof(code: Code, verifier: str) -> None:
    if not code.challenge:
        if verifier:
            raise invalid_grant("code_verifier or verifier is not needed.")
        return
    if not verifier:
        raise invalid_grant("Missing code verifier.")
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    shown = digest if code.method == "S256" else verifier.encode()
    if not hmac.compare_digest(shown, code.challenge.encode()):
        raise invalid_grant("Invalid code verifier.")


def _exchange_refresh(visit: Visit) -> Json:
    client = _client(visit)
    held = visit.book.refreshes.get(visit.needed("refresh_token"))
    if held is None:
        raise invalid_grant("Token has been expired or revoked.")
    if held.client != client.client_id:
        raise OAuthError(401, "unauthorized_client", "Unauthorized")
    scopes = read_scopes(visit.value("scope")) or held.scopes
    if not set(scopes) <= set(held.scopes):
        raise OAuthError(400, "invalid_scope", "Bad Request")
    return _answer(visit, msgspec.structs.replace(held, scopes=scopes), offline=True)


def _exchange_assertion(visit: Visit) -> Json:
    return _answer(visit, exchange_assertion(visit))


def _answer(visit: Visit, granted: Code | Refresh | Robot, *, offline: bool = False) -> Json:
    made = Access(granted.client, granted.user, granted.scopes, visit.now + ACCESS_LIFE, offline)
    answer: Json = {
        "access_token": visit.book.new_access(made, visit.now),
        "expires_in": ACCESS_LIFE,
        "scope": joined(granted.scopes),
        "token_type": "Bearer",
    }
    if "openid" in granted.scopes and not isinstance(granted, Robot):
        answer["id_token"] = id_token(visit, granted, answer["access_token"])
    return answer


def _client(visit: Visit) -> Client:
    """The client, proven by its secret in the form or in a Basic header."""
    client_id, secret = _basic(visit) or (visit.value("client_id"), visit.value("client_secret"))
    if not client_id:
        raise invalid_request("Could not determine client ID from request.")
    found = visit.book.client(client_id)
    if found is None:
        raise invalid_client("The OAuth client was not found.")
    if not secret:
        raise invalid_request("client_secret is missing.")
    if not hmac.compare_digest(secret.encode(), found.client_secret.encode()):
        raise invalid_client("Unauthorized")
    return found


def _basic(visit: Visit) -> tuple[str, str] | None:
    kind, _, coded = visit.request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise invalid_client("Unauthorized") from None
    return unquote_plus(client_id), unquote_plus(secret)


_GRANTS: Mapping[str, Callable[[Visit], Json]] = {
    "authorization_code": _exchange_code,
    "refresh_token": _exchange_refresh,
    "urn:ietf:params:oauth:grant-type:jwt-bearer": _exchange_assertion,
}
