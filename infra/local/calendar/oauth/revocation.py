"""Revoking: a token takes the client's whole access to the user with it.

Authority: https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke
"""

from __future__ import annotations

from infra.local.calendar.messages import Response, json_value
from infra.local.calendar.oauth.refusals import invalid_token
from infra.local.calendar.oauth.visit import Visit


def revoke(visit: Visit) -> Response:
    """End every token of the token's user for its client, and the consent. Raises OAuthError."""
    text = visit.needed("token")
    found = visit.book.refreshes.get(text) or visit.book.access(text, visit.now)
    if found is None:
        raise invalid_token("Token expired or revoked")
    visit.book.end(found.user, found.client)
    return json_value({})
