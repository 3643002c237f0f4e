"""The authorization endpoint: who are you, what do you grant, back to the client.

Authority: https://developers.google.com/identity/protocols/oauth2/web-server#obtainingaccesstokens and
https://developers.google.com/identity/protocols/oauth2/resources/granular-permissions
"""

from __future__ import annotations

from infra.local.calendar.messages import Response
from infra.local.calendar.oauth import pages
from infra.local.calendar.oauth.asking import Asking, read_asking, repeated
from infra.local.calendar.oauth.book import CODE_LIFE
from infra.local.calendar.oauth.records import Code, address
from infra.local.calendar.oauth.refusals import OAuthError, invalid_request
from infra.local.calendar.oauth.scopes import joined
from infra.local.calendar.oauth.visit import Visit


def authorize(visit: Visit) -> Response:
    """The next page for the user, or the way back to the client; what is wrong with the request is shown as a page."""
    try:
        asking = read_asking(visit)
        return _decided(visit, asking) if visit.request.method == "POST" else _asked(visit, asking)
    except OAuthError as error:
        return pages.refused(error)


def _asked(visit: Visit, asking: Asking) -> Response:
    user = _chosen(visit, asking)
    granted = visit.book.granted(asking.client.client_id, user) if user else ()
    settled = user is not None and set(asking.scopes) <= set(granted)
    if "none" in asking.prompts:
        return (
            _coded(visit, asking, user, asked=False) if user and settled else asking.back(error="interaction_required")
        )
    if user is None:
        return pages.chooser(asking, repeated(visit), visit.users)
    if settled and "consent" not in asking.prompts:
        return _coded(visit, asking, user, asked=False)
    return pages.consent(asking, repeated(visit), user, granted)


def _chosen(visit: Visit, asking: Asking) -> str | None:
    """Whom the user chose to be on our page, else whom the client hints at, unless it wants them to choose."""
    typed = visit.value("account")
    if typed:
        user = address(typed)
        if user is None:
            raise invalid_request("An account is named by an email address.")
        return user
    return None if "select_account" in asking.prompts else asking.login_hint


def _decided(visit: Visit, asking: Asking) -> Response:
    if visit.request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
        raise invalid_request("Only the user may answer, on this server's own page.")
    user = address(visit.needed("account"))
    if user is None:
        raise invalid_request("An account is named by an email address.")
    scopes = _granted(visit, asking)
    if visit.needed("decision") != "allow" or not scopes:
        return asking.back(error="access_denied")
    visit.book.grant(asking.client.client_id, user, scopes)
    return _coded(visit, asking, user, asked=True, scopes=scopes)


def _granted(visit: Visit, asking: Asking) -> tuple[str, ...]:
    boxes, ticked = asking.optional(), set(visit.fields.get("grant", ()))
    return tuple(scope for scope in asking.scopes if scope not in boxes or scope in ticked)


def _coded(visit: Visit, asking: Asking, user: str, *, asked: bool, scopes: tuple[str, ...] | None = None) -> Response:
    client = asking.client.client_id
    scopes = asking.scopes if scopes is None else scopes
    if asking.together:
        scopes = tuple(dict.fromkeys((*scopes, *visit.book.granted(client, user))))
    code = Code(
        client,
        user,
        scopes,
        asking.redirect_uri,
        visit.now + CODE_LIFE,
        offline=asking.offline,
        refreshes=asking.offline and asked,
        challenge=asking.challenge,
        method=asking.method,
        nonce=asking.nonce,
    )
    answer = {"code": visit.book.new_code(code, visit.now), "scope": joined(scopes), "authuser": "0"}
    return asking.back(**answer, prompt="consent" if asked else "none")
