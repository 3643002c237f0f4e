"""What a client asks of a user: the authorization request, read and checked before anyone sees it.

Authority: https://developers.google.com/identity/protocols/oauth2/web-server#creatingclient, RFC 7636 4.3
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

from infra.local.calendar.messages import Response
from infra.local.calendar.oauth.records import Client, address
from infra.local.calendar.oauth.refusals import NOT_KEPT, OAuthError, invalid_client, invalid_request
from infra.local.calendar.oauth.scopes import SIGN_IN, invalid_scopes, read_scopes
from infra.local.calendar.oauth.visit import Visit

_CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_PROMPTS = frozenset({"none", "consent", "select_account"})
_NAMES = (
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "access_type",
    "prompt",
    "login_hint",
    "include_granted_scopes",
    "nonce",
    "code_challenge",
    "code_challenge_method",
)


@dataclass(frozen=True, slots=True)
class Asking:
    """A request that may be shown to the user; whatever the user answers goes back to `redirect_uri`."""

    client: Client
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str
    offline: bool
    prompts: frozenset[str]
    together: bool  # include_granted_scopes
    login_hint: str | None
    nonce: str
    challenge: str
    method: str

    def optional(self) -> tuple[str, ...]:
        """The scopes that the user may grant one by one; a single one besides signing in is granted as a whole."""
        others = tuple(scope for scope in self.scopes if scope not in SIGN_IN)
        return others if len(others) > 1 else ()

    def back(self, **answer: str) -> Response:
        """Send the user back with this answer and the client's own state."""
        parts = urlsplit(self.redirect_uri)
        answered = ({"state": self.state} if self.state else {}) | answer
        query = "&".join(part for part in (parts.query, urlencode(answered)) if part)
        return Response(302, {**NOT_KEPT, "location": urlunsplit(parts._replace(query=query))})


def read_asking(visit: Visit) -> Asking:
    """The request. Raises OAuthError, which is shown to the user and never sent to an address that is not proven."""
    client = _client(visit)
    redirect_uri = _redirect(visit, client)
    if visit.needed("response_type") != "code":
        raise OAuthError(400, "unsupported_response_type", "The only response_type this server serves is code.")
    challenge, method = _proof(visit)
    return Asking(
        client,
        redirect_uri,
        _scopes(visit),
        visit.value("state"),
        _choice(visit, "access_type", "online", "offline") == "offline",
        _prompts(visit),
        _choice(visit, "include_granted_scopes", "false", "true") == "true",
        address(visit.value("login_hint")),
        visit.value("nonce"),
        challenge,
        method,
    )


def repeated(visit: Visit) -> dict[str, str]:
    """The request's own parameters, as the pages carry them on."""
    return {name: visit.value(name) for name in _NAMES if visit.value(name)}


def _client(visit: Visit) -> Client:
    found = visit.book.client(visit.needed("client_id"))
    if found is None:
        raise invalid_client("The OAuth client was not found.")
    return found


def _redirect(visit: Visit, client: Client) -> str:
    uri = visit.needed("redirect_uri")
    if not client.may_return_to(uri):
        raise OAuthError(
            400, "redirect_uri_mismatch", "The redirect URI in the request does not match those of the OAuth client."
        )
    return uri


def _scopes(visit: Visit) -> tuple[str, ...]:
    scopes = read_scopes(visit.needed("scope"))
    if not scopes:
        raise invalid_request("Missing required parameter: scope")
    if wrong := invalid_scopes(scopes):
        raise OAuthError(400, "invalid_scope", f"Some requested scopes were invalid: {', '.join(wrong)}")
    return scopes


def _proof(visit: Visit) -> tuple[str, str]:
    challenge, method = visit.value("code_challenge"), visit.value("code_challenge_method") or "plain"
    if method not in {"S256", "plain"}:
        raise invalid_request("Invalid parameter value for code_challenge_method: it is S256 or plain.")
    if challenge and not _CHALLENGE.fullmatch(challenge):
        raise invalid_request("Invalid parameter value for code_challenge.")
    if visit.value("code_challenge_method") and not challenge:
        raise invalid_request("Missing required parameter: code_challenge")
    return challenge, method


def _prompts(visit: Visit) -> frozenset[str]:
    prompts = frozenset(visit.value("prompt").split())
    if not prompts <= _PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise invalid_request("Invalid parameter value for prompt.")
    return prompts


def _choice(visit: Visit, name: str, usual: str, other: str) -> str:
    found = visit.value(name) or usual
    if found not in {usual, other}:
        raise invalid_request(f"Invalid parameter value for {name}: it is {usual} or {other}.")
    return found
