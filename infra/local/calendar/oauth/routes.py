"""Which path of Google's several hosts leads where; here they all lie on one.

Authority: https://accounts.google.com/.well-known/openid-configuration
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from infra.local.calendar.errors import not_found
from infra.local.calendar.messages import Response
from infra.local.calendar.oauth.authorize import authorize
from infra.local.calendar.oauth.exchange import token
from infra.local.calendar.oauth.identity import certs, configuration, tokeninfo, userinfo
from infra.local.calendar.oauth.refusals import OAuthError
from infra.local.calendar.oauth.revocation import revoke
from infra.local.calendar.oauth.visit import Visit

Answering = Callable[[Visit], Response]
_READ, _WRITE, _BOTH = ("GET",), ("POST",), ("GET", "POST")

ROUTES: Mapping[str, tuple[tuple[str, ...], Answering]] = {
    "/o/oauth2/v2/auth": (_BOTH, authorize),
    "/o/oauth2/auth": (_BOTH, authorize),
    "/token": (_WRITE, token),
    "/o/oauth2/token": (_WRITE, token),
    "/oauth2/v4/token": (_WRITE, token),
    "/revoke": (_BOTH, revoke),
    "/o/oauth2/revoke": (_BOTH, revoke),
    "/tokeninfo": (_BOTH, tokeninfo),
    "/oauth2/v3/tokeninfo": (_BOTH, tokeninfo),
    "/oauth2/v3/userinfo": (_BOTH, userinfo),
    "/v1/userinfo": (_BOTH, userinfo),
    "/oauth2/v3/certs": (_READ, certs),
    "/.well-known/openid-configuration": (_READ, configuration),
}
"""By path: the HTTP methods, and what answers."""


def answer(visit: Visit) -> Response:
    """The authorization server's answer; the path must be one of `ROUTES`. Raises ApiError where an API would."""
    methods, answering = ROUTES[visit.request.path]
    if visit.request.method not in methods:
        raise not_found()
    try:
        return answering(visit)
    except OAuthError as error:
        return error.response()
